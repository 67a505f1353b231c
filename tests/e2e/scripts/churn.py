"""Edits Ingresses and the policy on API servers until its input ends.

Leaves weights of 6:4:2 behind, and an application `last` in all clusters.

usage: churn.py AUTHORITIES TOKENS SEED NAME=ADDRESS...

AUTHORITIES is the directory with NAME/apiserver.crt, TOKENS the file with the administrator's token; the first name is
the leader's. The application that the story is about keeps its label in the leader, so its name exists throughout.
"""

import http.client
import json
import pathlib
import random
import ssl
import sys
import threading
import time

APPS = 6
# Time from one edit to the next, in seconds.
SPACING = 0.08
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
POLICY = "/apis/amko.vmware.com/v1alpha2/namespaces/avi-system/globaldeploymentpolicies/global-gdp"
MERGE = "application/merge-patch+json"


class Cluster:
    def __init__(self, number, name, address, authorities, token):
        self.number, self.name = number, name
        context = ssl.create_default_context(cafile=f"{authorities}/{name}/apiserver.crt")
        self.connection = http.client.HTTPSConnection(address, 6443, timeout=20, context=context)
        self.token = token

    def call(self, method, path, body=None, kind="application/json"):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = self.connection.getresponse()
        answer = response.read()
        # Two edits of one object may meet, and what is not there may be edited.
        if response.status >= 300 and response.status not in (404, 409):
            raise ValueError(f"{self.name}: {method} {path}: {response.status} {answer.decode()}")

    def create(self, app, dice):
        self.post(f"app{app}", has_tls=app % 2 == 1)
        self.address(app, dice)

    def post(self, name, has_tls):
        backend = {"service": {"name": name, "port": {"number": 8080}}}
        host = f"{name}.avi.iberia.local"
        spec = {
            "ingressClassName": "avi-lb",
            "rules": [{"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}],
        }
        if has_tls:
            spec["tls"] = [{"hosts": [host], "secretName": name}]
        metadata = {"name": name, "namespace": "default", "labels": {"app": "gslb"}}
        body = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}
        self.call("POST", INGRESSES, body)

    def address(self, app, dice):
        self.set_address(f"app{app}", f"10.11.{self.number}.{app * 10 + dice.randrange(10)}")

    def set_address(self, name, ip):
        status = {"loadBalancer": {"ingress": [{"ip": ip, "hostname": f"{name}.avi.iberia.local"}]}}
        self.call("PATCH", f"{INGRESSES}/{name}/status", {"status": status}, MERGE)

    def label(self, name, app):
        self.call("PATCH", f"{INGRESSES}/{name}", {"metadata": {"labels": {"app": app}}}, MERGE)

    def edit(self, dice):
        app, step = dice.randrange(APPS), dice.randrange(6)
        if step < 2:
            self.create(app, dice)
        elif step == 2:
            self.call("DELETE", f"{INGRESSES}/app{app}")
        elif step == 3:
            self.address(app, dice)
        elif step == 4:
            self.label(f"app{app}", dice.choice(["gslb", "none"]))
        elif self.number > 0:
            self.label("hello", dice.choice(["gslb", "none"]))


def set_weights(leader, clusters, weights):
    split = [{"cluster": cluster.name, "weight": weight} for cluster, weight in zip(clusters, weights)]
    leader.call("PATCH", POLICY, {"spec": {"trafficSplit": split}}, MERGE)


def main():
    authorities, tokens, seed, *named = sys.argv[1:]
    token = pathlib.Path(tokens).read_text().split(",")[0]
    places = [each.split("=") for each in named]
    clusters = [Cluster(number, name, ip, authorities, token) for number, (name, ip) in enumerate(places)]
    dice, edits = random.Random(int(seed)), 0
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    while not ended.is_set():
        if dice.random() < 0.2:
            set_weights(clusters[0], clusters, [dice.randint(1, 20) for _ in clusters])
        else:
            dice.choice(clusters).edit(dice)
        edits += 1
        time.sleep(SPACING)
    for cluster in clusters:
        cluster.label("hello", "gslb")
    set_weights(clusters[0], clusters, [6, 4, 2])
    # Who sees the last one in each cluster has seen all.
    for cluster in clusters:
        cluster.post("last", has_tls=False)
        cluster.set_address("last", f"10.11.{cluster.number}.99")
    print(json.dumps({"edits": edits}))


main()
