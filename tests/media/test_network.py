"""What a server's refusal is called."""

from __future__ import annotations

import errno

import av
import pytest

from vsr.media._av import explain


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
def test_a_servers_refusal_is_no_matter_of_rights_to_a_file(number: int) -> None:
    """FFmpeg's RTMP gives EPERM for each status of a server that is an error: a key that is in use, say."""
    with pytest.raises(PermissionError) as caught:
        av.error.err_check(-number)
    assert "it is refused; check the path and the key" in explain(caught.value, "rtmp://host/live/key")
    assert "check the rights of the file" in explain(caught.value, "folder/out.mkv")
