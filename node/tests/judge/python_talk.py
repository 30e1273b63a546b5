"""A client of python-socketio that talks to others in a room, as talk.mjs does.

    python python_talk.py URL [polling|websocket|upgrade] ROOM ME NAME,NAME,...

It runs with the versions that speak Engine.IO 4 (requirements.txt) and 3 (requirements-old.txt).
"""

import sys
import threading
import time

import engineio
import socketio

# The client otherwise refuses a polling answer of more than 16 packets, which every server may send.
engineio.payload.Payload.max_decode_packets = 1000

DEADLINE_S = 180
TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}
TEXT = "gr\u00fc\u00df dich \U0001f600"


def main(url, mode, room, me, names):
    names = names.split(",")
    heard, faults, changed = {}, [], threading.Condition()
    sio = socketio.Client(reconnection=False)

    @sio.on("msg")
    def hear(message):
        with changed:
            if message["text"] != TEXT or message["bytes"] != b"\x04\x00\xff":
                faults.append(message)
            if message["from"] != me:
                heard[message["from"]] = message["heard"]
            changed.notify_all()

    def tell():
        with changed:
            state = {"from": me, "heard": [me, *heard], "text": TEXT, "bytes": b"\x04\x00\xff"}
        sio.call("emit", (room, state), timeout=DEADLINE_S)

    def is_complete():
        return all(name == me or set(names) <= set(heard.get(name, ())) for name in names)

    sio.connect(url, transports=TRANSPORTS[mode])
    sio.call("join", room, timeout=DEADLINE_S)
    end = time.monotonic() + DEADLINE_S
    while not is_complete() and not faults:
        assert time.monotonic() < end, f"{me} has heard {heard}"
        tell()
        with changed:
            changed.wait_for(lambda: is_complete() or faults, 0.1)
    # The others wait for a last word that says that this one has heard everybody.
    tell()
    sio.disconnect()
    assert not faults, f"{me} hears {faults}"
    print(f"ok - {me} and all others have heard each other")


main(*sys.argv[1:])
