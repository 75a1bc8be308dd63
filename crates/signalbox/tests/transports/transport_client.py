"""Connects over a transport, and sends itself messages of many sizes.

    transport_client.py HOST PORT VERSION TRANSPORT [--path PATH] [--ca FILE] [--cert FILE --key FILE]
"""

import argparse
import ssl
import sys
import threading

import paho.mqtt.client as mqtt

PATIENCE_S = 30
SIZES = [0, 1, 125, 126, 1000, 65535, 65536, 300000]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("version", choices=["3.1.1", "5"])
    parser.add_argument("transport", choices=["tcp", "websockets"])
    parser.add_argument("--path", default="/mqtt")
    parser.add_argument("--ca")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    arguments = parser.parse_args()

    is_v5 = arguments.version == "5"
    settings = {"client_id": "paho", "transport": arguments.transport}
    settings["protocol"] = mqtt.MQTTv5 if is_v5 else mqtt.MQTTv311
    if hasattr(mqtt, "CallbackAPIVersion"):
        settings["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION1
    client = mqtt.Client(**settings)
    if arguments.transport == "websockets":
        client.ws_set_options(path=arguments.path)
    if arguments.ca:
        client.tls_set(ca_certs=arguments.ca, certfile=arguments.cert, keyfile=arguments.key)

    connected, subscribed, echoed, closed = (threading.Event() for _ in range(4))
    seen = []

    def on_connect(_client, _data, _flags, code, _properties=None):
        print("connack", int(getattr(code, "value", code)))
        connected.set()

    def on_subscribe(*_):
        print("suback")
        subscribed.set()

    def on_message(_client, _data, message):
        seen.append(len(message.payload))
        assert message.payload == payload(len(message.payload))
        if len(seen) == len(SIZES):
            echoed.set()

    def on_disconnect(_client, _data, code, _properties=None):
        print("closed", int(getattr(code, "value", code)))
        closed.set()

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = on_message
    client.on_disconnect = on_disconnect
    try:
        client.connect(arguments.host, arguments.port)
    except (OSError, ssl.SSLError, mqtt.WebsocketConnectionError) as error:
        print("refused", error)
        return 1
    client.loop_start()
    assert connected.wait(PATIENCE_S), "no CONNACK"
    client.subscribe("echo", qos=1)
    assert subscribed.wait(PATIENCE_S), "no SUBACK"
    for size in SIZES:
        client.publish("echo", payload(size), qos=1)
    assert echoed.wait(PATIENCE_S), f"only {seen}"
    print("echoed", *seen)
    client.disconnect()
    assert closed.wait(PATIENCE_S), "the connection stays"
    client.loop_stop()
    return 0


def payload(size):
    return bytes(at % 251 for at in range(size))


if __name__ == "__main__":
    sys.exit(main())
