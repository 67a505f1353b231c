//! VirtualService: shows the type of its cloud (avi-api 2.4).

use serde_json::Value;

use super::{Draft, TypeRules};
use crate::reference;

pub(super) struct VirtualService;

impl TypeRules for VirtualService {
    fn complete(&self, draft: &mut Draft<'_>) {
        let cloud = reference::cloud_of(&draft.object).and_then(|uuid| draft.projection.get("cloud", uuid));
        if let Some(vtype) = cloud.and_then(|cloud| cloud.body.get("vtype")?.as_str()) {
            draft.object.body.insert("cloud_type".to_owned(), Value::from(vtype));
        }
    }
}
