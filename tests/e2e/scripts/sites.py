"""Edits Ingresses and what they lead to on one API server, until its input ends or so many edits are done.

Prints `ready` when the first ones are there; at the end, as JSON, how many edits there were, and for each host that is
left the addresses of its pods and whether it has TLS.

usage: sites.py AUTHORITY TOKENS ADDRESS SEED SITES EDITS_PER_SECOND EDITS_MAX

AUTHORITY is the API server's certificate, TOKENS the file with the administrator's token. The Secret `sites` has to be
there. Pods have addresses below 10.34.128.0/17.
"""

import http.client
import json
import random
import ssl
import sys
import threading
import time

DOMAIN = "avi.iberia.local"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
SERVICES = "/api/v1/namespaces/default/services"


class Cluster:
    def __init__(self, authority, tokens, address, dice):
        self.context = ssl.create_default_context(cafile=authority)
        self.token = open(tokens).read().split(",")[0]
        self.address, self.dice = address, dice
        self.connection = http.client.HTTPSConnection(address, 6443, timeout=20, context=self.context)
        # What is there: site to (hosts, pods, TLS).
        self.sites = {}
        self.edits = 0

    def call(self, method, path, body=None, kind="application/json"):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = self.connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise ValueError(f"{method} {path}: {response.status} {answer.decode()}")

    def merge(self, path, body):
        self.call("PATCH", path, body, "application/merge-patch+json")

    def draw_pods(self, site):
        return sorted({f"10.34.{128 + site % 100}.{self.dice.randrange(1, 250)}" for _ in range(self.dice.randrange(1, 4))})

    def spec(self, site, hosts, has_tls):
        backend = {"service": {"name": f"site-{site}", "port": {"number": 80}}}
        paths = {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}
        tls = [{"hosts": hosts, "secretName": "sites"}] if has_tls else None
        return {"ingressClassName": "avi-lb", "rules": [{"host": host, "http": paths} for host in hosts], "tls": tls}

    def endpoints(self, pods):
        return {"endpoints": [{"addresses": [pod], "conditions": {"ready": True}} for pod in pods]}

    def prepare(self, site):
        """A Service with its pods, which stay."""
        name = f"site-{site}"
        ports = [{"name": "http", "port": 80, "targetPort": 8080}]
        self.call("POST", SERVICES, {"metadata": {"name": name}, "spec": {"ports": ports}})
        pods = self.draw_pods(site)
        metadata = {"name": name, "labels": {"kubernetes.io/service-name": name}}
        ports = [{"name": "http", "port": 8080, "protocol": "TCP"}]
        body = {"metadata": metadata, "addressType": "IPv4", "ports": ports, **self.endpoints(pods)}
        self.call("POST", SLICES, body)
        self.sites[site] = [None, pods, False]

    def create(self, site):
        hosts, has_tls = [f"site-{site}.{DOMAIN}"], site % 10 == 0
        body = {"metadata": {"name": f"site-{site}"}, "spec": self.spec(site, hosts, has_tls)}
        self.call("POST", INGRESSES, body)
        self.sites[site][0], self.sites[site][2] = hosts, has_tls

    def delete(self, site):
        self.call("DELETE", f"{INGRESSES}/site-{site}")
        self.sites[site][0] = None

    def edit(self, site):
        self.edits += 1
        hosts, pods, has_tls = self.sites[site]
        if hosts is None:
            return self.create(site)
        what = self.dice.randrange(10)
        if what < 5:
            pods = self.draw_pods(site)
            self.merge(f"{SLICES}/site-{site}", self.endpoints(pods))
        elif what < 7:
            hosts = [f"site-{site}.{DOMAIN}"] + ([f"more-{site}.{DOMAIN}"] if len(hosts) == 1 else [])
            self.merge(f"{INGRESSES}/site-{site}", {"spec": self.spec(site, hosts, has_tls)})
        elif what < 9:
            has_tls = not has_tls
            self.merge(f"{INGRESSES}/site-{site}", {"spec": self.spec(site, hosts, has_tls)})
        else:
            return self.delete(site)
        self.sites[site] = [hosts, pods, has_tls]


def main():
    authority, tokens, address, seed, sites, rate, edits_max = sys.argv[1:8]
    cluster = Cluster(authority, tokens, address, random.Random(int(seed)))
    for site in range(int(sites)):
        cluster.prepare(site)
        cluster.create(site)
    print("ready", flush=True)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    begin = time.monotonic()
    while not ended.is_set() and cluster.edits < int(edits_max):
        cluster.edit(cluster.dice.randrange(int(sites)))
        time.sleep(max(0.0, begin + cluster.edits / float(rate) - time.monotonic()))
    left = {
        host: {"pods": pods, "tls": has_tls}
        for hosts, pods, has_tls in cluster.sites.values()
        for host in hosts or []
    }
    seconds = time.monotonic() - begin
    print(json.dumps({"edits": cluster.edits, "seconds": seconds, "hosts": left}))


main()
