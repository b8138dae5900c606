"""A real RTSP server of GStreamer, run with the system's python3: PORT CLIP PASSWORD.

/clip plays a Matroska file of H.264 and AAC; with a password, for the user "user" only.
"""

import importlib
import sys
from typing import Any

gi: Any = importlib.import_module("gi")  # the system's, which the tests' Python does not have
for _name in ("Gst", "GstRtsp", "GstRtspServer"):
    gi.require_version(_name, "1.0")
Gst: Any = importlib.import_module("gi.repository.Gst")
GLib: Any = importlib.import_module("gi.repository.GLib")
GstRtsp: Any = importlib.import_module("gi.repository.GstRtsp")
GstRtspServer: Any = importlib.import_module("gi.repository.GstRtspServer")

_PLAY = (
    "( filesrc location={clip} ! matroskademux name=demux "
    "demux.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 "
    "demux.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )"
)


def _with_password(server: Any, factory: Any, password: str) -> None:
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth = GstRtspServer.RTSPAuth()
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic("user", password), token)
    server.set_auth(auth)
    role = Gst.Structure.new_empty("user")
    for right in ("media.factory.access", "media.factory.construct"):
        role.set_value(right, True)
    factory.add_role_from_structure(role)


def main(port: str, clip: str, password: str) -> None:
    """Serve until killed."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    play = GstRtspServer.RTSPMediaFactory()
    play.set_launch(_PLAY.format(clip=clip))
    play.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
    server.get_mount_points().add_factory("/clip", play)
    if password:
        _with_password(server, play, password)
    server.attach(None)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
