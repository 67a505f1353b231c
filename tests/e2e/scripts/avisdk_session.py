"""A session with the controller through `avisdk`, the published client, as published code uses it.

Usage: avisdk_session.py HOST PORT PASSWORD_FILE CA_FILE OTHER_CA_FILE

One line per check, `ok ...` or `FAILED ...`, with the section of avi-api it comes from; the last line counts them. When
it prints `restart`, whoever runs it restarts the controller and answers with a line on standard input. The status is 0
when every check held.
"""

import logging
import sys
import warnings

import requests
from avi.sdk.avi_api import APIError, ApiSession, AviServerError, ObjectNotFound

VERSION = "30.2.1"
MONITOR = {
    "type": "HEALTH_MONITOR_HTTP",
    "http_monitor": {"http_request": "HEAD / HTTP/1.0", "http_response_code": ["HTTP_2XX"]},
}
DOMAIN = "avi.example.com"
SERVICE = "shop." + DOMAIN

done = {"held": 0, "failed": 0}


def check(name, holds, shown=""):
    """Tells whether a promise holds; what was found is shown when it does not."""
    done["held" if holds else "failed"] += 1
    print("ok " + name if holds else "FAILED %s: %s" % (name, shown), flush=True)


def answers(name, response, status, text=""):
    """Checks status and a part of the body."""
    found = response.status_code == status and text in response.text
    check(name, found, "%s %s" % (response.status_code, response.text[:400]))
    return response


def raises(name, kind, call, text=""):
    """Checks that a call raises exactly this kind, with this text; gives the exception."""
    try:
        result = call()
    except Exception as error:
        check(name, type(error) is kind and text in str(error), "%s %s" % (type(error).__name__, error))
        return error
    check(name, False, "it returned %s" % (result,))
    return None


def names_in(response):
    return [found["name"] for found in response.json()["results"]]


def has_null(value):
    if isinstance(value, dict):
        return any(has_null(inner) for inner in value.values())
    if isinstance(value, list):
        return any(has_null(inner) for inner in value)
    return value is None


def bare(document):
    """A document without what every write changes, and with its url as it is without a name."""
    kept = {key: value for key, value in document.items() if key not in ("_last_modified", "configpb_attributes")}
    return dict(kept, url=kept["url"].split("#")[0])


class Controller:
    """Where the controller is, and how sessions are opened."""

    def __init__(self, host, port, password_file, authority):
        self.host, self.port, self.authority = host, port, authority
        self.url = "https://%s:%s" % (host, port)
        with open(password_file) as file:
            self.password = file.read().strip()

    def session(self, **changed):
        wanted = {
            "controller_ip": self.host, "port": self.port, "username": "admin", "password": self.password,
            "tenant": "admin", "api_version": VERSION, "verify": self.authority,
        }
        wanted.update(changed)
        return ApiSession.get_session(**wanted)

    def plain(self, method, path, **more):
        """A request that the client would not make."""
        return requests.request(method, self.url + path, verify=self.authority, timeout=60, **more)


def login(controller, other_authority):
    for password, who in (("wrong", "a wrong password"), (controller.password, "an unknown user")):
        user = "admin" if password == "wrong" else "nobody"
        error = raises("1.2 %s is refused" % who, APIError,
                       lambda: controller.session(username=user, password=password), "Invalid credentials")
        check("1.2 %s is a 401" % who, error is not None and error.rsp.status_code == 401, error)
    raises("1.1 a controller under another authority is not talked to", requests.exceptions.SSLError,
           lambda: controller.session(verify=other_authority, retry_conxn_errors=False), "CERTIFICATE_VERIFY_FAILED")
    answers("11.1 without a session there is no answer", controller.plain("GET", "/api/healthmonitor"), 401)
    unknown = controller.plain("GET", "/api/healthmonitor").text
    check("1.2 which is not taken for a wrong password", "Invalid credentials" not in unknown, unknown)

    session = controller.session()
    check("1.2 login connects", session.connected)
    check("1.2 and tells the release", session.remote_api_version.get("Version") == VERSION, session.remote_api_version)
    check("1.2 a second session is the first", controller.session() is session)
    context = session.get_context()
    check("1.2 session and CSRF token are there", all(context.values()), context)
    reused = ApiSession(controller.host, "admin", port=controller.port, verify=controller.authority, **context)
    answers("1.3 another process goes on with them", reused.get("tenant"), 200)
    answers("1.3 and writes with them", reused.post("healthmonitor", data=dict(MONITOR, name="reused")), 201)
    answers("1.3 a write without CSRF token is refused", controller.plain(
        "POST", "/api/healthmonitor", json=dict(MONITOR, name="forged"), cookies={"sessionid": context["session_id"]},
    ), 401, "CSRF token missing or incorrect.")
    answers("1.2 the wrong password did not get the session", session.delete_by_name("healthmonitor", "reused"), 204)

    token = answers("1.13 a token is made", session.post("user-token", data={"hours": "240"}), 201).json()["token"]
    by_token = ApiSession(controller.host, "admin", token=token, port=controller.port, verify=controller.authority)
    answers("1.2 it logs in", by_token.get("tenant"), 200)
    by_token.close()
    listed = session.get("user-token").json()
    check("1.13 it is listed", listed["count"] == 1 and listed["results"][0]["username"] == "admin", listed)
    answers("1.13 and taken back", session.delete("user-token/" + listed["results"][0]["uuid"]), 204)
    raises("1.13 so that it logs in no more", APIError,
           lambda: ApiSession(controller.host, "admin", token=token, port=controller.port, verify=controller.authority),
           "Invalid credentials")
    return session


def versions(session):
    for version in ("18.2.6", "22.1.4", "30.2.1-2p2"):
        answers("1.5 version %s is served" % version, session.get("healthmonitor", api_version=version), 200)
    answers("1.5 a newer version is refused", session.get("healthmonitor", api_version="99.1.1"), 400, "Invalid version")
    raises("1.5 which a search does not take for a missing object", AviServerError,
           lambda: session.get_object_by_name("healthmonitor", "System-TCP", api_version="99.1.1"), "Invalid version")
    found = session.get("cluster/version").json()
    check("1.4 the controller tells its version", found["Version"] == VERSION and "Tag" in found, found)
    found = session.get("initial-data").json()
    check("1.4 so does the first page", found["version"]["Version"] == VERSION, found)
    found = session.get("cluster/runtime").json()
    check("1.4 the cluster is up", found["cluster_state"]["state"].startswith("CLUSTER_UP"), found)
    check("1.8 a singleton is no list", session.get_object_by_name("cluster", "any").get("uuid", "").startswith("cluster-"))


def create(session):
    response = answers("1.9 an object is made", session.post("healthmonitor", data=dict(
        MONITOR, name="made", description=None, is_federated="false", no_such_field="x", authentication=None,
    )), 201)
    made = response.json()
    check("1.7 its url ends in its name", made["url"].endswith("/api/healthmonitor/%s#made" % made["uuid"]), made["url"])
    check("1.9 Location is its url", response.headers.get("Location") == made["url"], response.headers)
    check("1.7 the prefix of its uuid is its type", made["uuid"].startswith("healthmonitor-"), made["uuid"])
    stamp = made["_last_modified"]
    check("1.7 its stamp is a text of digits", isinstance(stamp, str) and stamp.isdigit(), stamp)
    check("1.7 references carry names", made["tenant_ref"].endswith("/api/tenant/admin#admin"), made["tenant_ref"])
    check("1.9 defaults are filled in", (made["send_interval"], made["failed_checks"]) == (10, 2), made)
    check("1.16 no null is sent", not has_null(made), made)
    check("1.5 an unknown field is dropped", "no_such_field" not in made, made)
    check("11.2 a text that means false is false", made["is_federated"] is False, made)
    uuid = made["uuid"]

    read = answers("1.7 it is read by uuid", session.get("healthmonitor/" + uuid), 200).json()
    check("1.7 without names", "#" not in read["url"] + read["tenant_ref"], read)
    for form in ("", "true", "True"):
        named = session.get("healthmonitor/" + uuid, params={"include_name": form}).json()
        check("1.7 include_name=%s gives names" % form, named["tenant_ref"].endswith("#admin"), named)
    found = session.get_object_by_name("healthmonitor", "made")
    check("11.3 it is found by name", found is not None and found["uuid"] == uuid, found)
    check("11.3 get_obj_uuid reads it", session.get_obj_uuid(found) == uuid)
    check("11.3 get_obj_ref reads it", session.get_obj_ref(found) == read["url"])
    check("11.3 get_slug_from_uri reads a named url", session.get_slug_from_uri(made["url"]) == uuid)
    check("11.3 a missing object is None", session.get_object_by_name("healthmonitor", "none") is None)
    missing = answers("1.12 a missing object is a 404", session.get("healthmonitor/healthmonitor-none"), 404,
                      "HealthMonitor object not found!")
    raises("1.12 which the client calls ObjectNotFound", ObjectNotFound, missing.json, "HealthMonitor object not found!")

    again = answers("1.9 a duplicate is refused", session.post("healthmonitor", data=dict(MONITOR, name="made")), 409,
                    "Health monitor with this Name and Tenant ref already exists.")
    raises("1.12 which the client calls APIError", APIError, again.json, "already exists")
    check("1.9 and changes nothing", session.get("healthmonitor/" + uuid).json()["_last_modified"] == stamp)
    forced = answers("1.9 a uuid can be forced", session.post(
        "healthmonitor", data=dict(MONITOR, name="forced"), force_uuid="healthmonitor-forced-42"), 201).json()
    check("1.9 then it is that", forced["uuid"] == "healthmonitor-forced-42", forced["uuid"])
    answers("1.10 and is deleted by it", session.delete("healthmonitor/healthmonitor-forced-42"), 204)
    answers("1.9 a missing field is named", session.post("healthmonitor", data={"name": "half"}), 400, "type")
    answers("1.9 a body that is not JSON is refused", session.post("healthmonitor", data="{\"name\": "), 400, "line 1")
    answers("1.12 an unknown type is a 404", session.get("nosuchtype"), 404)
    return uuid


def replace(session, uuid):
    path = "healthmonitor/" + uuid
    before = session.get(path, params={"include_name": "true"}).json()
    changed = answers("1.10 an object is replaced", session.put(path, data=dict(before, send_interval=20)), 200).json()
    check("1.10 the change is there", changed["send_interval"] == 20, changed)
    check("1.7 names too", changed["url"].endswith("#made") and changed["tenant_ref"].endswith("#admin"), changed)
    check("1.7 its stamp grew", int(changed["_last_modified"]) > int(before["_last_modified"]), changed)
    stale = answers("1.10 a stale _last_modified is refused", session.put(path, data=dict(before, send_interval=30)),
                    412, "Need to reload object data")
    raises("1.12 which the client calls APIError", APIError, stale.json, "Concurrent Update Error")
    check("1.10 and changes nothing", session.get(path).json()["send_interval"] == 20)
    answers("1.10 without a stamp a write wins", session.put(path, data=dict(bare(before), description="mine")), 200)
    by_name = answers("11.2 put_by_name replaces", session.put_by_name(
        "healthmonitor", "made", data=dict(MONITOR, name="made", receive_timeout=5)), 200).json()
    check("1.10 what is left out is gone or default", by_name["send_interval"] == 10 and "description" not in by_name,
          by_name)
    same = session.get(path, params={"include_name": "true"}).json()
    back = answers("1.10 what was read can be written", session.put(path, data=same), 200).json()
    check("1.10 and is the same", bare(back) == bare(same), back)
    answers("1.10 a type stays", session.put(path, data={"name": "made", "type": "HEALTH_MONITOR_TCP"}), 400,
            "Cannot modify")
    answers("1.10 a missing object is not made", session.put("healthmonitor/healthmonitor-none", data=same), 404,
            "HealthMonitor object not found!")
    raises("11.2 put_by_name of a missing object says so", ObjectNotFound,
           lambda: session.put_by_name("healthmonitor", "none", data=same))


def patch(session, uuid):
    path = "healthmonitor/" + uuid
    codes = lambda response: response.json()["http_monitor"]["http_response_code"]
    added = answers("1.10 patch adds a field", session.patch(path, data={"add": {"description": "hi"}}), 200).json()
    check("1.10 and keeps the others", (added["description"], added["receive_timeout"]) == ("hi", 5), added)
    replaced = session.patch(path, data={"replace": {"description": "ho", "send_interval": 30}}).json()
    check("1.10 patch replaces", (replaced["description"], replaced["send_interval"]) == ("ho", 30), replaced)
    deleted = session.patch(path, data={"delete": {"description": "ho", "send_interval": 30}}).json()
    check("1.10 patch deletes", "description" not in deleted and deleted["send_interval"] == 10, deleted)
    check("1.10 a message is replaced as a whole", codes(session.patch(path, data={"replace": {"http_monitor": dict(
        MONITOR["http_monitor"], http_response_code=["HTTP_3XX"])}})) == ["HTTP_3XX"])
    pointer = "/http_monitor/http_response_code"
    added = session.patch(path, data={"json_patch": [{"op": "add", "path": pointer + "/-", "value": "HTTP_2XX"}]})
    check("1.10 json_patch adds", codes(added) == ["HTTP_3XX", "HTTP_2XX"], added.text)
    removed = session.patch(path, data={"json_patch": [{"op": "remove", "path": pointer + "/0"}]})
    check("1.10 json_patch removes", codes(removed) == ["HTTP_2XX"], removed.text)
    answers("1.10 patch of a missing object is a 404", session.patch(
        "healthmonitor/healthmonitor-none", data={"add": {"description": "x"}}), 404, "HealthMonitor object not found!")
    answers("1.10 a patch without a verb is refused", session.patch(path, data={"description": "x"}), 400)


def gslb(session):
    """What an administrator of GSLB writes: the DNS service, the configuration, a service."""
    profile = session.post("applicationprofile", data={
        "name": "g-dns", "type": "APPLICATION_PROFILE_TYPE_DNS", "dns_service_profile": {"domain_names": [DOMAIN]}})
    answers("2.13 a DNS profile is made", profile, 201)
    virtual_service = answers("2.4 a DNS virtual service is made", session.post("virtualservice", data={
        "name": "g-dns", "application_profile_ref": session.get_obj_ref(profile), "services": [{"port": 5353}],
        "vip": [{"vip_id": "0", "ip_address": {"addr": "127.0.0.1", "type": "V4"}}]}), 201).json()
    cluster = session.get("cluster").json()["uuid"]
    answers("2.22 the GSLB is made", session.post("gslb", data={
        "name": "Default", "leader_cluster_uuid": cluster, "dns_configs": [{"domain_name": DOMAIN}],
        "sites": [{"name": "here", "cluster_uuid": cluster, "member_type": "GSLB_ACTIVE_MEMBER", "port": 9443,
                   "ip_addresses": [{"addr": "127.0.0.1", "type": "V4"}], "username": "admin", "password": "secret",
                   "dns_vses": [{"dns_vs_uuid": virtual_service["uuid"], "domain_names": [DOMAIN]}]}]}), 201)
    check("2.22 its password is not told", "secret" not in session.get("gslb").text)
    answers("1.9 a monitor for members", session.post("healthmonitor", data=dict(
        MONITOR, name="members", is_federated=True, monitor_port=80)), 201)

    members = [{"ip": {"addr": "127.0.0.%d" % last, "type": "V4"}, "ratio": ratio} for last, ratio in ((2, 6), (3, 4))]
    body = {
        "name": SERVICE, "domain_names": [SERVICE], "health_monitor_refs": ["/api/healthmonitor/?name=members"],
        "groups": [{"name": "first", "priority": 10, "members": members}]}
    service = answers("2.23 a GSLB service is made", session.post("gslbservice", data=body), 201).json()
    check("1.7 its monitor was found by name", service["health_monitor_refs"][0].endswith("#members"), service)
    answers("1.12 an unknown monitor is named", session.post("gslbservice", data=dict(
        body, name="other", domain_names=["other." + DOMAIN], health_monitor_refs=["/api/healthmonitor?name=zz"])),
        404, "HealthMonitor object not found!")
    path = "gslbservice/" + service["uuid"]
    alias = "alias." + DOMAIN
    for turn in ("adds to a list", "adds nothing twice"):
        found = session.patch(path, data={"add": {"domain_names": [alias]}}).json()
        check("1.10 patch " + turn, found["domain_names"] == [SERVICE, alias], found)
    found = session.patch(path, data={"delete": {"domain_names": [SERVICE]}}).json()
    check("1.10 patch deletes from a list", found["domain_names"] == [alias], found)
    found = session.patch(path, data={"replace": {"domain_names": [SERVICE]}}).json()
    check("1.10 patch replaces a list", found["domain_names"] == [SERVICE], found)
    found = session.patch(path, data={"json_patch": [
        {"op": "replace", "path": "/groups/0/members/1/ratio", "value": 3}]}).json()
    check("1.10 json_patch reaches a member", found["groups"][0]["members"][1]["ratio"] == 3, found)
    check("1.16 members keep their order", [m["ip"]["addr"] for m in found["groups"][0]["members"]] == [
        "127.0.0.2", "127.0.0.3"], found)
    answers("7.3 it has a runtime", session.get(path + "/runtime"), 200)
    joined = session.get("gslbservice", params={"join_subresources": "runtime"}).json()["results"][0]
    check("1.8 which a list can join", "oper_status" in joined.get("runtime", {}), joined)
    answers("1.10 what is referred to stays", session.delete_by_name("healthmonitor", "members"), 403,
            "Cannot delete, object is referred by: ['GslbService %s']" % SERVICE)
    answers("1.10 a service is deleted", session.delete(path), 204)
    answers("1.10 then what it referred to", session.delete_by_name("healthmonitor", "members"), 204)


def delete(session, uuid):
    gone = answers("1.10 an object is deleted", session.delete("healthmonitor/" + uuid), 204)
    check("1.10 without a body", gone.text == "" and gone.json() is None, gone.text)
    answers("1.10 deleted again it is a 404", session.delete("healthmonitor/" + uuid), 404,
            "HealthMonitor object not found!")
    raises("11.2 delete_by_name of a missing object says so", ObjectNotFound,
           lambda: session.delete_by_name("healthmonitor", "made"))
    answers("1.10 what the system brought stays", session.delete_by_name("healthmonitor", "System-TCP"), 403,
            "Cannot delete system default object")
    answers("1.10 a singleton stays", session.delete("cluster"), 405, "Method 'DELETE' not allowed.")


def tenants(session):
    made = answers("1.6 a tenant is made", session.post("tenant", data={"name": "t2", "local": "true"}), 201).json()
    for tenant in ("admin", "t2"):
        answers("1.6 the same name goes in " + tenant, session.post(
            "healthmonitor", data=dict(MONITOR, name="twin"), tenant=tenant), 201)
    own = session.get("healthmonitor", tenant="t2", params={"name": "twin"}).json()
    check("1.6 a tenant sees its own first", own["results"][0]["tenant_ref"].endswith(made["uuid"]), own)
    by_uuid = session.get_object_by_name("healthmonitor", "twin", tenant_uuid=made["uuid"])
    check("1.6 also by uuid", by_uuid is not None and by_uuid["tenant_ref"].endswith(made["uuid"]), by_uuid)
    twins = {"name": "twin"}
    check("1.6 admin sees one", session.get("healthmonitor", params=twins).json()["count"] == 1)
    check("1.6 the star sees both", session.get("healthmonitor", tenant="*", params=twins).json()["count"] == 2)
    answers("1.6 a tenant with objects stays", session.delete("tenant/" + made["uuid"]), 403)
    for tenant in ("admin", "t2"):
        answers("1.6 deleted in " + tenant, session.delete_by_name("healthmonitor", "twin", tenant=tenant), 204)
    answers("1.6 an empty tenant goes", session.delete("tenant/" + made["uuid"]), 204)
    answers("1.6 an unknown tenant is named", session.get("healthmonitor", tenant="nosuch"), 403,
            "Tenant 'nosuch' does not exist!")


def lists(session):
    total = 250
    for number in range(total):
        created = session.post("healthmonitor", data=dict(MONITOR, name="page-%03d" % number))
        if created.status_code != 201:
            answers("1.9 object %d is made" % number, created, 201)
            return
    wanted = ["page-%03d" % number for number in range(total)]
    ours = {"name.contains": "page-", "sort": "name"}

    sizes, rows, seen = [], [], set()
    page = 1
    while True:
        response = session.get("healthmonitor", params=dict(ours, page_size=100, page=page))
        document = response.json()
        sizes.append(len(document["results"]))
        rows += names_in(response)
        seen.add(document["count"])
        following = document.get("next")
        if not following:
            break
        page += 1
        follows = "/api/healthmonitor?" in following and "page=%d" % page in following and "page_size=100" in following
        check("1.8 next leads to page %d" % page, follows, following)
        check("1.8 and can be followed as it is", names_in(
            session.get(following.split("/api/")[1])) == wanted[(page - 1) * 100:page * 100], following)
    check("1.8 pages are full until the last", sizes == [100, 100, 50], sizes)
    check("1.8 the count is that of all pages", seen == {total}, seen)
    check("1.8 every object is on one page", rows == wanted, len(rows))
    check("1.8 the last page has no next key", "next" not in document, document.get("next"))
    for size in (7, 100, 200):
        found = [each["name"] for each in session.get_objects_iter("healthmonitor", params=dict(ours, page_size=size))]
        check("11.3 get_objects_iter by %d sees each once" % size, found == wanted, len(found))
    everything = [each["name"] for each in session.get_objects_iter("healthmonitor")]
    check("11.3 also without any parameter", len(everything) == len(set(everything)) and set(wanted) <= set(everything))
    whole = session.get("healthmonitor", params=dict(ours, page_size=1000)).json()
    check("11.3 one page can hold all", len(whole["results"]) == whole["count"] == total and "next" not in whole)
    few = session.get("healthmonitor", params=ours).json()
    check("1.8 a page is 25 where nothing is said", len(few["results"]) == 25 and few["count"] == total)
    response = session.get("healthmonitor", params={"name": "none"})
    check("1.8 nothing found is no error", response.json() == {"count": 0, "results": []}, response.text)
    check("1.8 count() of a response counts", session.get("healthmonitor", params=ours).count() == total)

    find = lambda **parameters: names_in(session.get("healthmonitor", params=dict({"sort": "name"}, **parameters)))
    check("1.8 name.in", find(**{"name.in": "page-007,page-123,none"}) == ["page-007", "page-123"])
    check("1.8 name.icontains", find(**{"name.icontains": "PAGE-24"}) == wanted[240:250])
    check("1.8 sort down", find(**{"name.contains": "page-00", "sort": "-name"}) == wanted[9::-1])
    check("1.8 search", find(search="(name,page-01)") == wanted[10:20])
    check("1.8 a field filters", "System-TCP" in find(type="HEALTH_MONITOR_TCP") and not set(wanted) & set(
        find(type="HEALTH_MONITOR_TCP", page_size=1000)))
    check("1.8 unknown parameters are passed over", find(name="page-000", nosuch="x") == ["page-000"])
    row = session.get("healthmonitor", params={"name": "page-000", "fields": "name,type"}).json()["results"][0]
    check("1.8 fields", set(row) - {"_last_modified", "tenant_ref"} == {"name", "type", "uuid", "url"}, row)
    row = session.get("healthmonitor", params={"name": "page-000", "exclude": "http_monitor"}).json()["results"][0]
    check("1.8 exclude", "http_monitor" not in row and "type" in row, row)
    row = session.get("healthmonitor", params={"name": "page-000", "skip_default": "true"}).json()["results"][0]
    check("1.8 skip_default", "send_interval" not in row and "http_monitor" in row, row)

    odd = "amko--http--a.b--/ c%2F+d"
    answers("11.3 a name may hold anything but #", session.post("healthmonitor", data=dict(MONITOR, name=odd)), 201)
    found = session.get_object_by_name("healthmonitor", odd)
    check("11.3 and is found by it", found is not None and found["name"] == odd, found)
    answers("11.3 and deleted by it", session.delete_by_name("healthmonitor", odd), 204)
    left = [session.delete("healthmonitor/" + each["uuid"]).status_code for each in whole["results"]]
    check("1.10 all of them are deleted", set(left) == {204}, left)


def expiry(controller, session):
    """Sessions that end while a client holds them."""
    before = session.get_context()["session_id"]
    other = controller.plain("POST", "/logout", cookies={"sessionid": before},
                             headers={"X-CSRFToken": session.get_context()["csrftoken"]})
    answers("1.2 a session is ended elsewhere", other, 200)
    answers("1.2 its cookies count no more", controller.plain("GET", "/api/tenant", cookies={"sessionid": before}), 401)
    answers("11.1 the client logs in again", session.get("tenant"), 200)
    check("11.1 with a new session", session.get_context()["session_id"] != before)

    answers("1.9 an object before the restart", session.post("healthmonitor", data=dict(MONITOR, name="lasting")), 201)
    held = session.get_context()["session_id"]
    print("restart", flush=True)
    sys.stdin.readline()
    after = answers("11.1 after a restart the client logs in again", session.get("healthmonitor", params={
        "name": "lasting"}), 200)
    check("11.1 and finds what was there", after.json()["count"] == 1, after.text)
    check("11.1 with a new session, too", session.get_context()["session_id"] != held)
    answers("11.1 it writes", session.delete_by_name("healthmonitor", "lasting"), 204)
    lazy = ApiSession(controller.host, "admin", controller.password, port=controller.port, verify=controller.authority,
                      lazy_authentication=True)
    answers("11.1 a lazy session logs in when it is used", lazy.get("tenant"), 200)
    ended = session.get_context()
    answers("1.2 logout", session.post("logout"), 200)
    answers("1.2 ends the session", controller.plain("GET", "/api/tenant", cookies={
        "sessionid": ended["session_id"]}), 401)


def main():
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)  # what the client tells of refusals, the checks tell
    host, port, password_file, authority, other_authority = sys.argv[1:]
    controller = Controller(host, port, password_file, authority)
    session = login(controller, other_authority)
    versions(session)
    uuid = create(session)
    replace(session, uuid)
    patch(session, uuid)
    gslb(session)
    delete(session, uuid)
    tenants(session)
    lists(session)
    expiry(controller, session)
    print("%(held)d held, %(failed)d failed" % done)
    sys.exit(1 if done["failed"] else 0)


if __name__ == "__main__":
    main()
