"""Write a checkpoint of ESPCN with 8 and 4 channels and weights of noise: network.py OUT.safetensors"""

import json
import struct
import sys

import numpy as np

SHAPES = {"first_part.0": (8, 1, 5, 5), "first_part.2": (4, 8, 3, 3), "last_part.0": (4, 4, 3, 3)}


def main(path: str) -> None:
    """Write it as the format says: the length of a JSON header, the header, the numbers."""
    rng = np.random.default_rng(0)
    header, data = {}, b""
    for name, shape in SHAPES.items():
        for key, numbers in (("weight", rng.normal(0, 0.1, shape)), ("bias", np.full(shape[0], 0.1))):
            part = numbers.astype("<f4").tobytes()
            header[f"{name}.{key}"] = {
                "dtype": "F32",
                "shape": list(numbers.shape),
                "data_offsets": [len(data), len(data) + len(part)],
            }
            data += part
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


if __name__ == "__main__":
    main(sys.argv[1])
