//! From a checked input to a sealed package: plan, render and pack in one.

use crate::model::{Checked, SecretName, Word as _};
use crate::pack::{
    self, Details, NeededSecret, Package, Previous, Requires, Sealing, SecretOrigin, SecretPhase, Signer,
    Tool,
};
use crate::plan::{self, Numbering};
use crate::render;

/// What stops a checked input from becoming a package.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger does not name every setting: a gate refuses that.
    #[error(transparent)]
    Accounting(#[from] plan::Unaccounted),
    /// A file could not be rendered, or holds what it may not.
    #[error(transparent)]
    Render(#[from] render::Error),
    /// The package could not be sealed.
    #[error(transparent)]
    Pack(#[from] pack::Error),
}

/// Plans, renders and seals: the package of a checked input, signed, in memory. [`pack::write`] puts it into a folder.
///
/// `number` counts the packages of an issuer and an installation from 1; `previous` names the one before, where there is one.
/// The same arguments make the same bytes.
///
/// # Errors
///
/// A setting that the ledger does not name, a secret or a person in a rendered file, an inventory that changed since it was
/// checked, or a package that would be too large.
pub fn compile(
    checked: &Checked,
    signer: &Signer,
    number: u32,
    previous: Option<Previous>,
) -> Result<Package, Error> {
    let plan = plan::compile(checked, &Numbering { package: u64::from(number) });
    let (accounted, files) = rayon::join(|| plan::account(&plan, checked), || render::files(&plan, checked));
    accounted?;
    let files = files?;
    let details = details(checked, signer, &plan, number, previous);
    // A plan is many small values: they are taken apart while the package is sealed and written.
    rayon::spawn(move || drop(plan));
    Ok(pack::seal(files, &Sealing { signer, details: &details })?)
}

fn details(
    checked: &Checked,
    signer: &Signer,
    plan: &plan::Plan,
    number: u32,
    previous: Option<Previous>,
) -> Details {
    let (export, target) = (&checked.export, &checked.target);
    Details {
        slug: export.project.slug.clone(),
        environment: target.environment,
        pathway: target.pathway,
        provider: target.provider(),
        number,
        previous,
        issuer: signer.issuer(&export.installation),
        installation: export.installation.clone(),
        created_at: export.exported_at,
        expires_at: export.exported_at.plus(target.validity),
        tool: Tool::this(),
        source: checked.export_digest,
        target: checked.target_digest,
        requires: requires(plan),
        secrets: plan.facts.secrets.iter().filter_map(needed).collect(),
        salt: export.salt.clone(),
    }
}

/// What has to be there before the package can run.
fn requires(plan: &plan::Plan) -> Requires {
    let owned = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect()
    };
    let word = |service| serde_json::to_value(service).ok()?.as_str().map(str::to_owned);
    let images = plan.facts.images.iter();
    Requires {
        tools: owned(&plan.tools()),
        collections: owned(plan::COLLECTIONS),
        images: images.filter_map(|(service, image)| Some((word(service)?, image.clone()))).collect(),
    }
}

fn needed(secret: &plan::SecretUse) -> Option<NeededSecret> {
    Some(NeededSecret {
        name: SecretName::parse(&secret.name)?,
        origin: match secret.origin {
            plan::Origin::Generated => SecretOrigin::Generated,
            plan::Origin::Provided => SecretOrigin::Provided,
        },
        needed_by: match secret.needed_by {
            plan::NeededBy::Prepare => SecretPhase::Prepare,
            plan::NeededBy::Deploy => SecretPhase::Deploy,
            plan::NeededBy::Content => SecretPhase::Content,
        },
        purpose: secret.purpose.clone(),
    })
}
