"""A second opinion on Fanfare: the clients of python-socketio, against the contract of official-server.mjs.

    python python_judge.py URL [polling|websocket|upgrade]

The packages are in requirements.txt. As in the JavaScript judges, that somebody received nothing is shown by a fence
behind the emit, never by waiting. Nobody else may be connected to the server meanwhile.
"""

import asyncio
import itertools
import os
import sys
import threading
import traceback

import engineio
import socketio

# The client otherwise refuses a polling answer of more than 16 packets, which every server may send.
engineio.payload.Payload.max_decode_packets = 1000

# It otherwise starts a thread for each message, and on a busy machine attachments overtake their packet.
trigger_event = engineio.Client._trigger_event


def trigger_in_order(self, event, *args, **options):
    if event == "message":
        options["run_async"] = False
    return trigger_event(self, event, *args, **options)


engineio.Client._trigger_event = trigger_in_order

DEADLINE_S = 200
# Shorter than a ping interval: if an acknowledgement overtakes the answer to the POST that asked for it, the client
# closes while it still writes, tells the server nothing of it, and waits for its GET to be answered, with the next ping.
CALL_TIMEOUT_S = 10
TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}
RUN = f"py-{os.getpid()}"
fence_numbers = itertools.count()


class Client:
    """One connection in one or more namespaces, which remembers every event as (namespace, event, *args)."""

    def __init__(self, url, mode, namespaces=("/",), auth=None, **options):
        self.sio = socketio.Client(reconnection=False)
        self.received = []
        self.answer = None
        self.changed = threading.Condition()
        for namespace in namespaces:
            self.sio.on("*", self._hear_in(namespace), namespace=namespace)
            self.sio.on("question", self._asked_in(namespace), namespace=namespace)
            for event in ("disconnect", "connect_error"):
                self.sio.on(event, self._told_in(namespace, event), namespace=namespace)
        self.sio.connect(url, transports=TRANSPORTS[mode], namespaces=list(namespaces), auth=auth,
                         wait_timeout=CALL_TIMEOUT_S, **options)

    def _remember(self, *entry):
        with self.changed:
            self.received.append(entry)
            self.changed.notify_all()

    def _hear_in(self, namespace):
        return lambda event, *args: self._remember(namespace, event, *args)

    def _told_in(self, namespace, event):
        return lambda *args: self._remember(namespace, event, *args)

    def _asked_in(self, namespace):
        def asked(*args):
            self._remember(namespace, "question", *args)
            return self.answer(*args) if self.answer else None

        return asked

    def ask(self, event, *args, namespace="/"):
        """Emits and gives the arguments of the ack as a list."""
        answer = self.sio.call(event, args, namespace=namespace, timeout=CALL_TIMEOUT_S)
        return [] if answer is None else list(answer) if isinstance(answer, tuple) else [answer]

    def heard(self, wanted):
        """The first remembered entry that is wanted, waiting for it if need be."""
        found = lambda: next((entry for entry in self.received if wanted(entry)), None)
        with self.changed:
            assert self.changed.wait_for(found, CALL_TIMEOUT_S), f"not heard; but: {self.received[-5:]}"
            return found()

    def take(self):
        with self.changed:
            heard = [entry for entry in self.received if entry[1] not in ("fence", "welcome")]
            self.received = []
            return heard

    def sid(self, namespace="/"):
        return self.sio.get_sid(namespace)

    def close(self):
        self.sio.disconnect()


def fence(by, *clients):
    """Waits until everything that `by` caused so far has reached `clients`."""
    token = f"{RUN}-{next(fence_numbers)}"
    by.ask("fence", token)
    for client in clients:
        client.heard(lambda entry: entry[1:] == ("fence", token))


def equal(actual, expected):
    assert actual == expected, f"\n    got      {actual!r}\n    expected {expected!r}"


class Judge:
    """The cases; each method is one, and they are played in the order in which they are written."""

    def __init__(self, url, mode):
        self.url, self.mode = url, mode

    def connect(self, *namespaces, **options):
        return Client(self.url, self.mode, namespaces or ("/",), **options)

    def the_socket_has_an_id_that_is_not_the_engines(self):
        client = self.connect()
        assert len(client.sid()) == 20
        assert client.sid() != client.sio.eio.sid
        equal(client.sio.transport(), "polling" if self.mode == "polling" else "websocket")
        equal(client.heard(lambda entry: entry[1] == "welcome"), ("/", "welcome", client.sid()))
        client.close()

    def the_right_token_is_admitted(self):
        client = self.connect("/auth", auth={"token": "secret"})
        equal(client.ask("echo", "in", namespace="/auth"), ["in"])
        client.close()

    def the_wrong_token_is_refused_with_message_and_data(self):
        self._refused("/auth", {"token": "wrong"}, {"message": "not authorized", "data": {"reason": "token"}})

    def an_unknown_namespace_is_refused(self):
        self._refused("/unknown", None, {"message": "Invalid namespace"})

    def _refused(self, namespace, auth, expected):
        told = []
        sio = socketio.Client(reconnection=False)
        sio.on("connect_error", told.append, namespace=namespace)
        try:
            sio.connect(self.url, transports=TRANSPORTS[self.mode], namespaces=[namespace], auth=auth,
                        wait_timeout=CALL_TIMEOUT_S)
            raise AssertionError("it was admitted")
        except socketio.exceptions.ConnectionError:
            equal(told, [expected])
        finally:
            sio.disconnect()

    def the_handshake_shows_auth_and_headers(self):
        client = self.connect(auth={"name": "py", "n": [1]}, headers={"X-Judge": "python"})
        [handshake] = client.ask("handshake")
        equal(handshake["auth"], {"name": "py", "n": [1]})
        equal(handshake["headers"], {"x-judge": "python"})
        equal(handshake["query"]["EIO"], "4")
        equal(handshake["secure"], self.url.startswith("https:"))
        client.close()

    def an_emit_to_the_sender_reaches_it_alone(self):
        sender, other = self.connect(), self.connect()
        for payload in (["text", 1, None, {"a": [True, 1.5]}], ["ünïcödé ✓ 🎉"], [{"deep": [b"\x00\xff", {"b": b"tail"}]}, b""]):
            self._clear(sender, other)
            sender.ask("to-sender", *payload)
            fence(sender, sender, other)
            equal(sender.take(), [("/", "note", *payload)])
            equal(other.take(), [])
        self._close(sender, other)

    def acks_carry_any_number_of_arguments_and_bytes(self):
        client = self.connect()
        equal(client.ask("echo"), [])
        equal(client.ask("echo", "one"), ["one"])
        equal(client.ask("ack-me", 1, "2", [3]), ["acked", 1, "2", [3]])
        equal(client.ask("echo", {"deep": [b"\x01\x02"]}, b"\x03"), [{"deep": [b"\x01\x02"]}, b"\x03"])
        client.close()

    def the_server_asks_and_the_client_answers(self):
        client, other = self.connect(), self.connect()
        client.answer = lambda *args: ("yes", *args)
        other.answer = lambda *args: "not asked"
        equal(client.ask("emit-with-ack", "really?", b"\x01"), ["yes", "really?", b"\x01"])
        equal(client.ask("emit-with-ack-timeout", 5000, 1), [{"timedOut": False, "answer": "yes"}])
        fence(client, client, other)
        equal([entry for entry in other.take() if entry[1] == "question"], [])
        self._close(client, other)

    def a_room_is_asked_and_all_its_members_answer(self):
        room = f"{RUN}-asked"
        clients = [self.connect() for _ in range(3)]
        for number, client in enumerate(clients):
            client.answer = lambda *_, number=number: number
        for client in clients[:2]:
            client.ask("join", room)
        [result] = clients[2].ask("room-with-ack", room, 5000, "who?")
        equal((result["timedOut"], sorted(result["answers"])), (False, [0, 1]))
        self._close(*clients)

    def rooms_decide_who_receives(self):
        room, other_room = f"{RUN}-a", f"{RUN}-b"
        sender, mate, stranger = self.connect(), self.connect(), self.connect()
        everyone = (sender, mate, stranger)
        for client in (sender, mate):
            client.ask("join", room)
        stranger.ask("join", other_room)
        equal(sorted(sender.ask("rooms")[0]), sorted([sender.sid(), room]))
        for event, receivers in (
            (("to-room", room), (mate,)),
            (("in-room", room), (sender, mate)),
            (("to-rooms", [room, other_room]), (mate, stranger)),
            (("in-rooms-except", [room, other_room], [other_room]), (sender, mate)),
            (("to-others",), (mate, stranger)),
            (("everybody",), everyone),
            (("to-id", stranger.sid()), (stranger,)),
            (("to-room", sender.sid()), ()),
        ):
            for payload in (["text"], [{"bytes": b"\x00\x01"}]):
                self._clear(*everyone)
                sender.ask(*event, *payload)
                fence(sender, *everyone)
                for client in everyone:
                    equal(client.take(), [("/", "note", *payload)] if client in receivers else [])
        mate.ask("leave", room)
        self._clear(*everyone)
        sender.ask("in-room", room, "left")
        fence(sender, *everyone)
        equal([len(client.take()) for client in everyone], [1, 0, 0])
        self._close(*everyone)

    def namespaces_share_a_connection_and_stay_apart(self):
        client, other = self.connect("/", "/custom"), self.connect("/", "/custom")
        everyone = (client, other)
        assert client.sid("/") != client.sid("/custom")
        for namespace in ("/", "/custom"):
            self._clear(*everyone)
            client.ask("everybody", b"\x01", 2, namespace=namespace)
            fence(client, *everyone)
            for each in everyone:
                equal(each.take(), [(namespace, "note", b"\x01", 2)])
        self._clear(*everyone)
        client.ask("nsp-all", "/custom", "from the main one")
        fence(client, *everyone)
        for each in everyone:
            equal(each.take(), [("/custom", "note", "from the main one")])
        self._close(*everyone)

    def pipelined_events_keep_their_order(self):
        client = self.connect()
        client.take()
        payloads = [[n, b"%d" % n] if n % 2 else [n] for n in range(200)]
        for payload in payloads:
            client.sio.emit("to-sender", tuple(payload))
        client.ask("echo", "behind")
        fence(client, client)
        equal(client.take(), [("/", "note", *payload) for payload in payloads])
        client.close()

    def a_large_message_arrives_whole(self):
        client = self.connect()
        # In JSON as Python writes it each of these characters takes six bytes, and on polling everything goes in one
        # request, which maxPayload bounds.
        text, blob = "漢" * 50_000, bytes(range(256)) * 1000
        equal(client.ask("echo", text, blob), [text, blob])
        client.close()

    def the_clients_goodbye_is_told(self):
        watcher, guest = self.connect(), self.connect("/", "/custom")
        watcher.ask("watch")
        guest.ask("join", f"{RUN}-goodbye")
        sid = guest.sid()
        # Not by disconnect(): that closes the transport without waiting for the thread that writes the packet, so that
        # often nothing of it is sent.
        guest.sio._send_packet(guest.sio.packet_class(socketio.packet.DISCONNECT, namespace="/"))
        watcher.heard(lambda entry: entry[1] == "left" and entry[2]["id"] == sid and entry[2]["phase"] == "disconnect")
        ends = [entry[2] for entry in watcher.take() if entry[1] == "left" and entry[2]["id"] == sid]
        equal([(end["phase"], end["reason"], sorted(end["rooms"])) for end in ends], [
            ("disconnecting", "client namespace disconnect", sorted([sid, f"{RUN}-goodbye"])),
            ("disconnect", "client namespace disconnect", []),
        ])
        equal(guest.ask("echo", "alive", namespace="/custom"), ["alive"])
        self._close(guest, watcher)

    def the_servers_goodbye_is_told(self):
        for close in (False, True):
            client = self.connect("/", "/custom")
            client.sio.emit("disconnect-me", close)
            client.heard(lambda entry: entry[:2] == ("/", "disconnect"))
            if close:
                client.heard(lambda entry: entry[:2] == ("/custom", "disconnect"))
            else:
                equal(client.ask("echo", "alive", namespace="/custom"), ["alive"])
            client.close()

    def the_asyncio_client_works_too(self):
        asyncio.run(self._asyncio())

    async def _asyncio(self):
        room = f"{RUN}-asyncio"
        clients, heard = [], []
        for number in range(5):
            sio = socketio.AsyncClient(reconnection=False)
            notes = asyncio.Queue()
            sio.on("note", notes.put_nowait)
            sio.on("question", lambda value, number=number: (value, number))
            await sio.connect(self.url, transports=TRANSPORTS[self.mode], auth={"number": number})
            clients.append(sio)
            heard.append(notes)
            await sio.call("join", room)
        await clients[0].call("to-room", (room, {"bytes": b"\x01\x02"}))
        await clients[0].call("to-sender", "mine")
        for number, notes in enumerate(heard):
            got = await asyncio.wait_for(notes.get(), CALL_TIMEOUT_S)
            equal(got, "mine" if number == 0 else {"bytes": b"\x01\x02"})
            assert notes.empty()
        equal(await clients[3].call("emit-with-ack", b"\x07"), (b"\x07", 3))
        for sio in clients:
            await sio.disconnect()

    @staticmethod
    def _clear(*clients):
        # Behind a fence, so that nothing older comes later.
        fence(clients[0], *clients)
        for client in clients:
            client.take()

    @staticmethod
    def _close(*clients):
        for client in clients:
            client.close()


def too_late():
    print(f"not ok - the whole run took longer than {DEADLINE_S} s", flush=True)
    os._exit(1)


def main():
    url, mode = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "websocket"
    watchdog = threading.Timer(DEADLINE_S, too_late)
    watchdog.daemon = True
    watchdog.start()
    judge = Judge(url, mode)
    cases = [name for name in vars(Judge) if not name.startswith("_") and name != "connect"]
    failed = 0
    for number, name in enumerate(cases, 1):
        try:
            getattr(judge, name)()
            print(f"ok {number} - {name.replace('_', ' ')}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {name.replace('_', ' ')}\n{traceback.format_exc()}", flush=True)
    print(f"{len(cases) - failed} passed, {failed} failed", flush=True)
    # Client threads of a failed case may still be waiting.
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    main()
