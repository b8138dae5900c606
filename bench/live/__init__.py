"""What a live run must hold, measured with real servers: python -m bench.live SCENARIO"""
