# python-socketio clients on polling, on WebSocket and with the upgrade, that come back by themselves when their transport
# ends. How many are connected is for the server to count. They leave when the standard input ends.
#
#   python python_returns.py URL

import sys

import socketio

MODES = (["polling"], ["websocket"], ["polling", "websocket"])

clients = [socketio.Client(reconnection_delay=0.2, reconnection_delay_max=0.5) for _ in MODES]
for client, transports in zip(clients, MODES):
    client.connect(sys.argv[1], transports=transports)
sys.stdin.read()
for client in clients:
    client.shutdown()
