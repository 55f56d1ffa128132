//! What differs between providers, as data.
//!
//! A provider is a module here, a folder of Terraform where it makes machines, and a line of the registry below. Its module has
//! the options that its targets take, what is wrong with them, and the [`Site`] that follows: plan, data files and documents
//! draw on that alone, so that no other module knows a provider's name. `docs/decisions/providers.md` tells how one is added.

mod aws;
mod host;
mod price;
mod site;

pub use aws::Aws;
pub use host::Host;
pub use price::{Amount, Charge, Currency, Day, Prices};
pub use site::{Agent, Backend, Database, Home, Machine, Made, Right, Site, Storage, StorageSecret, Trouble};

use crate::model::codes::{self, CodeInfo};
use crate::model::tree::{Node, Step};
use crate::model::walk::{Definitions, Shape, Walk};
use crate::model::{Export, Service, StorageProvider, Target, Word as _, choice};
use serde_json::json;

/// Something wrong with the options of a provider, alone or beside the target's other choices.
#[derive(Debug)]
pub struct Concern {
    /// What kind of thing.
    pub code: &'static CodeInfo,
    /// Where, below `spec`.
    pub at: Vec<&'static str>,
    /// What is wrong there, as a sentence without a full stop.
    pub message: String,
    /// What would be right, as a noun phrase.
    pub expected: String,
}

impl Concern {
    fn new(
        code: &'static CodeInfo,
        at: &[&'static str],
        message: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self { code, at: at.to_vec(), message: message.into(), expected: expected.into() }
    }
}

/// What each provider's module answers.
trait Kind {
    /// The kind of store that holds the uploads.
    fn store(&self) -> StorageProvider;

    /// Services of the release that do not run there.
    fn unused(&self) -> &'static [Service];

    /// Whether somebody can administer the machine though no network reaches it by SSH.
    fn is_reached_without_ssh(&self) -> bool;

    /// Whether SSH may answer every address there is, where a target says so.
    fn takes_ssh_from_everywhere(&self) -> bool;

    /// Whether each disk is encrypted without anybody asking for it.
    fn encrypts_disks(&self) -> bool;

    /// Mail addresses that stand in clear, since the target names them.
    fn named(&self) -> Vec<String>;

    /// Everything wrong with the options; the export is there unless it cannot be read.
    fn concerns(&self, target: &Target, export: Option<&Export>) -> Vec<Concern>;

    /// Where and on what the installation will run.
    fn site(&self, target: &Target, export: &Export) -> Site;
}

/// Declares the providers: what each is, the type of its options, and its word, which is the key of those options too.
macro_rules! providers {
    ($( $(#[doc = $doc:literal])+ $name:ident = $word:literal in $module:ident; )+) => {
        choice! {
            /// Where the target runs.
            pub enum Provider {
                $( $(#[doc = $doc])+ $name = $word ),+
            }
        }

        /// Where the target runs, with what its provider has to know.
        #[derive(Clone, Debug)]
        pub enum Place {
            $( $(#[doc = $doc])+ $name(Box<$name>) ),+
        }

        /// The words of all providers.
        const WORDS: &[&str] = &[$( $word ),+];

        impl Provider {
            /// A commented target to begin with; its examples are marked as `model::placeholder` knows them.
            pub fn init(self) -> &'static str {
                match self {
                    $( Self::$name => include_str!(concat!($word, ".yaml")) ),+
                }
            }

            /// Reads the options of this provider out of the mapping that has their key.
            fn place(self, node: &Node, walk: &mut Walk<'_>) -> Place {
                match self {
                    $( Self::$name => Place::$name(Box::new(walk.field(node, $word, $module::MEANING, None))) ),+
                }
            }
        }

        impl Place {
            /// The provider.
            pub fn provider(&self) -> Provider {
                match self {
                    $( Self::$name(_) => Provider::$name ),+
                }
            }

            fn kind(&self) -> &dyn Kind {
                match self {
                    $( Self::$name(options) => options.as_ref() ),+
                }
            }

            /// Key, meaning and schema of each provider's options.
            fn options(definitions: &mut Definitions) -> Vec<(&'static str, &'static str, serde_json::Value)> {
                vec![$( ($word, $module::MEANING, <$name as Shape>::schema(definitions)) ),+]
            }
        }
    };
}

providers! {
    /// An existing machine over SSH.
    Host = "host" in host;
    /// A machine and a bucket of their own in an account of AWS.
    Aws = "aws" in aws;
}

impl Place {
    /// The kind of store that holds the uploads.
    pub fn store(&self) -> StorageProvider {
        self.kind().store()
    }

    /// Services of the release that do not run there.
    pub fn unused(&self) -> &'static [Service] {
        self.kind().unused()
    }

    /// Whether somebody can administer the machine though no network reaches it by SSH.
    pub fn is_reached_without_ssh(&self) -> bool {
        self.kind().is_reached_without_ssh()
    }

    /// Whether SSH may answer every address there is, where a target says so.
    pub fn takes_ssh_from_everywhere(&self) -> bool {
        self.kind().takes_ssh_from_everywhere()
    }

    /// Whether each disk is encrypted without anybody asking for it.
    pub fn encrypts_disks(&self) -> bool {
        self.kind().encrypts_disks()
    }

    /// Mail addresses that stand in clear, since the target names them.
    pub fn named(&self) -> Vec<String> {
        self.kind().named()
    }
}

/// Everything wrong with what a target tells its provider.
pub fn concerns(target: &Target, export: Option<&Export>) -> Vec<Concern> {
    target.place.kind().concerns(target, export)
}

/// Where and on what the installation will run that `target` and `export` describe.
pub fn site(target: &Target, export: &Export) -> Site {
    target.place.kind().site(target, export)
}

/// Stands in a target by the key of its provider: `host` for provider `host`, and no other provider's key beside it.
impl Shape for Place {
    fn walk(node: &Node, walk: &mut Walk<'_>) -> Self {
        let Some(chosen) = node.get("provider").and_then(Node::text).and_then(Provider::parse) else {
            WORDS.iter().for_each(|word| walk.set_aside(word));
            return Self::placeholder();
        };
        for word in WORDS.iter().filter(|word| **word != chosen.as_str()) {
            let Some(value) = node.get(word) else { continue };
            walk.inside(Step::Key(word), |walk| {
                let message = format!("`{word}` means nothing with provider {chosen}");
                let expected = format!("provider {word}, or no such key");
                walk.tell(value, &codes::PROVIDER_OTHER, message, &expected);
            });
        }
        chosen.place(node, walk)
    }

    fn placeholder() -> Self {
        Self::Host(Box::new(Host::placeholder()))
    }

    fn expected() -> String {
        format!("the key of the provider, one of {}", WORDS.join(", "))
    }

    fn parts() -> &'static [&'static str] {
        WORDS
    }

    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        let (mut properties, mut rules) = (serde_json::Map::new(), Vec::new());
        for (word, meaning, mut schema) in Self::options(definitions) {
            schema["description"] = meaning.into();
            properties.insert(word.to_owned(), schema);
            let others: serde_json::Map<_, _> = WORDS
                .iter()
                .filter(|other| **other != word)
                .map(|other| ((*other).to_owned(), false.into()))
                .collect();
            rules.push(json!({
                "if": {"properties": {"provider": {"const": word}}, "required": ["provider"]},
                "then": {"required": [word], "properties": others},
            }));
        }
        json!({"properties": properties, "allOf": rules})
    }
}
