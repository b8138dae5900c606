"""The page: static, by itself; what it shows it asks for."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from vsr.page.html import document, heading

_HERE = Path(__file__).parent
_BODY = """
<p><span id="state" role="status">waiting for vsr</span> <span id="source" class="soft"></span></p>
<div class="slider" id="slider">
<canvas id="upscaled" width="640" height="360" role="img" aria-label="the upscaled picture"></canvas>
<canvas id="original" width="640" height="360" role="img" aria-label="the original picture"></canvas>
<span class="label at-left">original</span><span class="label at-right">upscaled</span>
</div>
<div class="controls">
<input id="cut" type="range" min="0" max="100" value="50" aria-label="where the pictures meet">
<label>model <select id="model"></select></label>
<button id="pause" type="button">Pause</button>
<button id="record" type="button" hidden>Record</button>
<span id="refusal" class="soft" role="alert"></span>
</div>
<div class="figures" id="figures"></div>
"""


def preview_page() -> tuple[str, str]:
    """Return (the HTML, its Content-Security-Policy), which lets it run its own script and ask its server."""
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    parts = [
        f"<style>{style}</style>",
        _BODY,
        heading("Latency over the last minute"),
        '<div id="histogram" role="img" aria-label="how many frames took how long"></div>',
        '<div class="scale soft"><span>1 ms</span><span>128 ms</span><span>16 s and more</span></div>',
        heading("Outputs"),
        '<div class="wide"><table id="outputs"></table></div>',
        f"<script>{script}</script>",
    ]
    return document("vsr live", parts), policy
