//! `terraform.tfvars.json`, where something has to be made.

use super::json;
use crate::model::Files;
use crate::plan::Plan;

pub(super) fn add(files: &mut Files, plan: &Plan) {
    if let Some(made) = &plan.facts.site.made {
        let values = json(&made.variables.clone().into());
        files.insert("infrastructure/terraform/terraform.tfvars.json".to_owned(), values);
    }
}
