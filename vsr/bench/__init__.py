"""How fast it is on this machine, where the time goes, and against what: the suites behind `vsr bench`."""
