//! Objects as the controller has them (amko 8.1).

use reconcile::{Key, ObjectType};
use serde_json::{Value, json};

use super::{ObservedObject, Picture, policy};

/// All services of the controller that carry our mark, or the one of a name in the default tenant.
pub(super) fn services(picture: &Picture, name: Option<&str>) -> Option<Value> {
    find(picture, ObjectType::GslbService, name, service)
}

/// All monitors, or the one of a name in the default tenant.
pub(super) fn monitors(picture: &Picture, name: Option<&str>) -> Option<Value> {
    find(picture, ObjectType::HealthMonitor, name, monitor)
}

fn find(
    picture: &Picture,
    kind: ObjectType,
    name: Option<&str>,
    render: fn(&Key, &ObservedObject) -> Value,
) -> Option<Value> {
    let Some(name) = name else {
        let of_kind = picture.observed.objects.iter().filter(|(key, _)| key.kind == kind);
        return Some(of_kind.map(|(key, object)| render(key, object)).collect());
    };
    let tenant = picture.config.as_ref().map_or("admin", |config| config.tenant.as_str());
    let key = Key { kind, tenant: tenant.to_owned(), name: name.to_owned() };
    picture.observed.objects.get(&key).map(|object| render(&key, object))
}

fn service(key: &Key, object: &ObservedObject) -> Value {
    let body = &object.body();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let groups = body["groups"].as_array().into_iter().flatten();
    let members = groups.flat_map(|group| {
        let priority = &group["priority"];
        let members = group["members"].as_array().into_iter().flatten();
        members.map(move |member| {
            json!({
                "IPAddr": text(&member["ip"]["addr"]),
                "Weight": member["ratio"],
                "Priority": priority,
                "VsUUID": text(&member["vs_uuid"]),
                "Controller": text(&member["cluster_uuid"]),
                "PublicIP": text(&member["public_ip"]["ip"]["addr"]),
            })
        })
    });
    let objects = body["description"].as_str().unwrap_or_default().split(',').filter(|object| !object.is_empty());
    let refs = body["health_monitor_refs"].as_array().into_iter().flatten();
    let names = refs.filter_map(|reference| Some(reference.as_str()?.rsplit(['#', '=']).next()?.to_owned()));
    json!({
        "Name": key.name,
        "Tenant": key.tenant,
        "Uuid": object.uuid,
        "Members": members.collect::<Vec<_>>(),
        "K8sObjects": objects.collect::<Vec<_>>(),
        "HealthMonitor": names.collect::<Vec<_>>(),
        "GSDownResponse": body["down_response"],
        "CloudConfigCksum": policy::checksum(body),
        "CreatedBy": text(&body["created_by"]),
    })
}

fn monitor(key: &Key, object: &ObservedObject) -> Value {
    let body = &object.body();
    let http = ["http_monitor", "https_monitor"].iter().map(|part| &body[*part]).find(|part| part.is_object());
    let custom =
        http.map(|http| json!({"RequestHeader": http["http_request"], "ResponseCode": http["http_response_code"]}));
    let description = body["description"].as_str().unwrap_or_default();
    let template = description.split_once("created from: ").map(|(_, rest)| rest.split(',').next().unwrap_or(rest));
    let owner = body["markers"].as_array().into_iter().flatten().find(|marker| marker["key"] == "created-by");
    json!({
        "Tenant": key.tenant,
        "Name": key.name,
        "Port": body["monitor_port"],
        "UUID": object.uuid,
        "Type": body["type"],
        "CloudConfigCksum": policy::checksum(body),
        "Template": template,
        "CustomHmSettings": custom,
        "Description": description,
        "CreatedBy": owner.map(|marker| &marker["values"][0]),
    })
}
