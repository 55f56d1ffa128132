//! Every kind of finding about an input: its stable name, how much it weighs, what it means and what to do.
//!
//! A finding is made from an entry of this table, so there is no code without documentation; a test makes sure that
//! there is no entry without a case in `tests/check/`.

use super::{Code, Severity};

/// A kind of finding.
#[derive(Debug)]
pub struct CodeInfo {
    /// Its stable name.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// What it means, as a sentence.
    pub meaning: &'static str,
    /// What to do about it, as an imperative sentence.
    pub fix: &'static str,
}

/// Declares the table and one static per code.
macro_rules! codes {
    ($( $name:ident $severity:ident $code:literal: $meaning:literal, $fix:literal; )+) => {
        $(
            #[doc = $meaning]
            pub static $name: CodeInfo = CodeInfo {
                code: Code($code),
                severity: Severity::$severity,
                meaning: $meaning,
                fix: $fix,
            };
        )+

        /// All codes, in the order of the flow.
        pub static CODES: &[&CodeInfo] = &[$( &$name ),+];
    };
}

codes! {
    // Text
    TEXT_ENCODING Error "text.encoding": "The file is not plain UTF-8.", "save the file as UTF-8 without a byte order mark";
    TEXT_CONTROL Error "text.control": "A control character stands in the text.", "remove the character, or write it as an escape inside double quotes";
    TEXT_SIZE Error "text.size": "The file is larger than this kind of file may be.", "make sure that this is the right file; large data belongs into the inventory";
    // YAML and JSON
    YAML_SYNTAX Error "yaml.syntax": "The text is not YAML.", "correct the text at this place; an editor with YAML support shows more";
    JSON_SYNTAX Error "json.syntax": "The text is not JSON.", "correct the text at this place";
    YAML_ANCHOR Error "yaml.anchor": "Anchors and aliases are not read, since they can make a small file huge.", "write the value out where it is needed";
    YAML_TAG Error "yaml.tag": "Tags are not read.", "remove the tag";
    YAML_MERGE Error "yaml.merge": "Merge keys are not read.", "write the keys out";
    YAML_DOCUMENTS Error "yaml.documents": "The file holds more than one document.", "keep one document per file";
    YAML_AMBIGUOUS Error "yaml.ambiguous": "A value without quotes that some readers take for a truth value, a number or nothing.", "put the value in double quotes";
    KEY_DUPLICATE Error "key.duplicate": "A key stands twice in one mapping.", "remove one of the two";
    KEY_KIND Error "key.kind": "A key is not plain text.", "write the key as a word";
    DOCUMENT_DEPTH Error "document.depth": "Values are nested too deeply.", "make sure that this is the right file";
    DOCUMENT_NODES Error "document.nodes": "The document holds too many values.", "make sure that this is the right file";
    DOCUMENT_SCALAR Error "document.scalar": "One value is too long.", "shorten the value";
    DOCUMENT_EMPTY Error "document.empty": "The document is empty.", "make sure that this is the right file";
    DOCUMENT_VERSION Error "document.version": "The document is of a version that this program does not read.", "make the document with a version of the tool that writes stufpack.dev/v1";
    DOCUMENT_KIND Error "document.kind": "The document is of another kind than the one expected here.", "name the document that is expected here";
    // Shape
    KEY_UNKNOWN Error "key.unknown": "A key is not known.", "correct or remove the key";
    KEY_MISSING Error "key.missing": "A key that is needed is missing.", "add the key";
    VALUE_TYPE Error "value.type": "The value is of another type than the one expected.", "write a value of the expected type";
    VALUE_INVALID Error "value.invalid": "The value does not have the expected form.", "correct the value";
    VALUE_CHOICE Error "value.choice": "The value is not one of the choices.", "take one of the choices";
    VALUE_RANGE Error "value.range": "The number is too small or too large.", "take a number in the range";
    VALUE_REPEATED Error "value.repeated": "A value stands in the list twice.", "remove one of the two";
    VALUE_EMPTY Error "value.empty": "The list or mapping is empty, and needs at least one entry.", "add an entry";
    DOMAIN_SCHEME Error "target.domain.scheme": "A host name is expected, and an address with a scheme stands there.", "leave out the scheme, the port and the path";
    IMAGE_TAG Error "image.tag": "An image is named by tag, which can mean another image tomorrow.", "name the image by digest, name@sha256:…";
    // Files of the export
    EXPORT_DOCUMENT_MISSING Error "export.document.missing": "The export holds no export.yaml or export.json.", "name the folder or zip that holds export.yaml";
    EXPORT_DOCUMENT_SEVERAL Error "export.document.several": "The export holds more than one document or inventory.", "keep one of them";
    EXPORT_FILE_UNKNOWN Error "export.file.unknown": "The export holds a file that does not belong to it.", "name the export's folder alone, or move the file out of it";
    EXPORT_FILE_LINK Error "export.file.link": "A link or special file stands in the export; links could lead anywhere.", "put the file itself in its place";
    EXPORT_FILE_NAME Error "export.file.name": "A file of the export has a name that is not safe everywhere.", "rename the file, using letters, digits, `.`, `_` and `-`";
    EXPORT_ZIP Error "export.zip": "The zip is broken or holds what a zip of an export never holds.", "make the zip again, with a usual tool";
    EXPORT_ZIP_BOMB Error "export.zip.bomb": "The zip unpacks to far more than an export holds.", "make sure that this is the right file";
    // Secrets and gates
    GATE_SECRET Refused "gate.secret": "A secret stands in the export or target.", "replace the secret where it is used, take it out here, and export again";
    SECRET_SHORT Error "secret.short": "A credential is too short to be safe, and to be told from ordinary words when texts are searched for it.", "replace the credential at the source by one of 8 characters or more, and export again";
    GATE_EXPOSURE Refused "gate.exposure": "The target would be open to more than the source is.", "close it in the target, or change the source first and export again";
    // Project
    INSTALLATION_HOSTED Error "installation.hosted": "The installation's name is not the host of its address.", "export again; the two are written together";
    HOSTED_PLAIN Warning "hosted.plain": "The hosted service answers without TLS.", "make sure that the address is right";
    EXPORTER_UNKNOWN Error "exporter.unknown": "The export was made by a tool that is not known.", "make the export by its published form (stufpack schema export), and name stuf-kit with the version of that form";
    EXPORTER_OLD Error "exporter.old": "The export was made by a version of the tool that left things out.", "make the export again with a newer version of the tool";
    SALT_WEAK Error "salt.weak": "The salt is not random.", "write 32 random bytes (openssl rand -hex 32) once, and keep them for the exports to come";
    // Users and collections
    USER_EMAIL_DUPLICATE Error "user.email.duplicate": "Two users have e-mail addresses that differ in case at most.", "join the two users, or correct an address";
    USER_PHONE_DUPLICATE Error "user.phone.duplicate": "Two users have the same phone number.", "correct one of the numbers";
    USER_COLLECTION_UNKNOWN Error "user.collection.unknown": "A user has permissions in a collection that does not exist.", "add the collection, or take the permission away";
    USER_PERMISSIONS_EMPTY Warning "user.permissions.empty": "A user stands in a collection without any permission.", "give a permission, or remove the entry";
    USER_ROLE_COLLECTION Error "user.role.collection": "A user has the role of a collection that does not exist.", "add the collection, or take the role away";
    USER_NAMED Warning "user.named": "The name of a user stands in a text that goes into files which are not encrypted.", "take the name out of the text, unless the person may be named";
    USERS_NO_ARCHITECT Error "users.no-architect": "No active user is trust-architect or admin, so nobody could manage the new installation.", "give the role trust-architect to an active user";
    COLLECTION_UNREADABLE Error "collection.unreadable": "Nobody who may sign in can read this collection.", "give an active user the permission to read";
    COLLECTION_RESERVED Error "collection.reserved": "A collection has the name of a folder of the administration, which overwrites, empties or leaves out what stands there.", "rename the collection at the source, and export again";
    COLLECTIONS_NONE Error "collections.none": "The export has no collection, so nobody can upload anything.", "add a collection";
    // Metadata fields
    METADATA_REQUIRED_DISABLED Error "metadata.required-disabled": "A metadata field is required and not shown, so no upload can be complete.", "enable the field, or do not require it";
    METADATA_NO_ANSWER Error "metadata.no-answer": "A metadata field is required and offers no answer.", "add options, or allow unknown or other";
    METADATA_OPTION_DUPLICATE Error "metadata.option.duplicate": "Two options of a metadata field are the same to people.", "remove one of the two";
    METADATA_OPTION_EMPTY Error "metadata.option.empty": "An option of a metadata field is empty.", "give the option a text";
    METADATA_COLLECTION Error "metadata.collection.unknown": "An option of the field `collection` is not a collection.", "name a collection that exists";
    // Notifications, glass, exposure of the source
    ZULIP_PLAIN Warning "zulip.plain": "Messages to Zulip would go without TLS.", "use https";
    SENTRY_DSN Warning "sentry.dsn": "A Sentry DSN holds a key; it is not carried over.", "create a DSN for the new installation and put it in by hand";
    GLASS_REPOSITORY Error "glass.repository": "The glass repository is not named after the project.", "name it stuf- and the slug";
    GLASS_READER_DUPLICATE Error "glass.reader.duplicate": "A GitHub user stands twice; GitHub does not tell case apart.", "remove one of the two";
    EXPOSURE_ORIGINS Warning "exposure.origins": "The source lets pages of any origin call its API.", "nothing; the new installation allows its own origin only";
    EXPOSURE_FACTORS Warning "exposure.factors": "Sign-in at the source asks for a password alone.", "nothing; the target requires a second factor unless told otherwise";
    EXPOSURE_TRANSIT Warning "exposure.transit": "The source does not encrypt connections.", "nothing; the new installation uses TLS";
    EXPOSURE_REST Warning "exposure.rest": "The source does not encrypt what it stores.", "nothing; the target requires an encrypted disk unless told otherwise";
    // Attachments
    ATTACHMENT_MISSING Error "attachment.missing": "A file that the export names is not there.", "export again, or remove the setting";
    ATTACHMENT_UNUSED Warning "attachment.unused": "A branding file is named by no setting and is left out.", "name it in spec.branding, or remove it";
    ATTACHMENT_LARGE Error "attachment.large": "A branding file is larger than pages should load.", "make the file smaller";
    ATTACHMENT_TYPE Error "attachment.type": "A file is not of the type that its name says.", "save the file in the format of its name";
    ATTACHMENT_ACTIVE Error "attachment.active": "An SVG holds scripts or links to the outside.", "save the drawing as plain SVG";
    CSS_OUTSIDE Error "css.outside": "The style sheet loads something from outside.", "put what is needed into the style sheet itself, as a data: address";
    // Realm
    REALM_MISSING Error "realm.missing": "The export has no realm.json, which holds roles, clients and who may sign in.", "put Keycloak's own export of the realm into the export as realm.json";
    REALM_SHAPE Error "realm.shape": "The realm is not as Keycloak writes it.", "export the realm again with Keycloak's own tool";
    REALM_PLACEHOLDER Error "realm.placeholder": "Keycloak would fill in a variable of its environment where the realm holds `${`.", "take `${` out of the text at the source and export again";
    REALM_CLIENT_MISSING Error "realm.client.missing": "The realm lacks a client that STUF needs.", "make sure that this is the realm of the STUF";
    REALM_CLIENT_PUBLIC Error "realm.client.public": "A client is public that must be confidential, or the reverse.", "correct the client at the source and export again";
    REALM_SCOPE_MISSING Error "realm.scope.missing": "The realm lacks the client scope stuf:access, without which tokens grant nothing.", "make sure that this is the realm of the STUF";
    REALM_ROLE_MISSING Error "realm.role.missing": "A user has a role that the realm lacks.", "add the role to the realm, or take it from the user";
    REALM_USER_MISSING Error "realm.user.missing": "A user of the export is not in the realm, and so cannot sign in today.", "add the user to the realm, or remove it from the export";
    REALM_USER_UNLISTED Error "realm.user.unlisted": "A user of the realm is not in the export.", "add the user to the export, or remove it from the realm";
    REALM_USER_EMAIL Error "realm.user.email": "A user of the realm has no e-mail address, or another one than its user name says.", "give the user its e-mail address";
    REALM_USER_STATUS Error "realm.user.status": "Export and realm differ in whether a user may sign in.", "make the two equal at the source and export again";
    REALM_USER_ROLES Error "realm.user.roles": "Export and realm differ in the roles of a user.", "make the two equal at the source and export again";
    REALM_USER_COLLECTIONS Error "realm.user.collections": "Export and realm differ in what a user may do in collections.", "make the two equal at the source and export again";
    REALM_USER_RESERVED Error "realm.user.reserved": "A user of the realm has the name of a user of validations, who are removed with each.", "rename the user at the source, and export again";
    REALM_COLLECTIONS_FORM Error "realm.collections.form": "The attribute `collections` of a realm user is not the JSON that tokens need.", "correct the attribute at the source and export again";
    // Target
    TARGET_PLACEHOLDER Error "target.placeholder": "An example that target init or a manual shows stands where your own value belongs.", "replace the example with your own value";
    TARGET_PATHWAY Error "target.pathway": "This version cannot make packages for this pathway.", "take hosted-to-self";
    TARGET_DOMAIN_HOSTED Error "target.domain.hosted": "The new name belongs to the hosted service.", "take a name of your own domain";
    TARGET_DOMAIN_ADDRESS Warning "target.domain.address": "The machine is named by the public name, which still points elsewhere before cutover.", "name the machine by its address";
    PROVIDER_OTHER Error "provider.other": "The options of another provider stand in the target.", "remove the key, or change the provider";
    PROVIDER_SURPLUS Error "provider.surplus": "The provider leaves no choice about this.", "remove the key";
    PROVIDER_BUCKET Error "provider.bucket": "The new bucket has no name that it could have.", "name it in the provider's options";
    PROVIDER_EGRESS Error "provider.egress": "The machine could not reach what the target names.", "add the port to egressPorts";
    PROVIDER_SSH Error "provider.ssh": "The rules before the machine let nobody have SSH answer everyone.", "name the networks that you administer from, or none where another way leads in";
    PROVIDER_ACME Error "provider.acme": "The certificate's authority could not reach the machine, so there would be no certificate.", "take the networks away, or take mode provided";
    PROVIDER_LIFETIME Warning "provider.lifetime": "The cutover waits for the record's lifetime, and wants 300 s or less.", "take 300 or less, and more in a package after the migration";
    PROVIDER_BUDGET Error "provider.budget": "A budget would tell nobody.", "set alarmEmail, or take the budget away";
    PROVIDER_DATABASE Error "provider.database": "The database could not be made where the target says.", "name two subnets of yours in different zones beside existingSubnet, and none without it";
    PROVIDER_PRICES Error "provider.prices": "The price table leaves out something that is made.", "add the price, or take the table away";
    HOST_ROOT Warning "host.root": "The automation signs in as root.", "use an account with sudo";
    TLS_SURPLUS Error "tls.surplus": "A setting of another TLS mode stands there.", "remove the key, or change the mode";
    TLS_ACME_NAME Error "tls.acme.name": "No public authority gives a certificate for this name.", "take a public name, or another TLS mode";
    TLS_INTERNAL_PRODUCTION Error "tls.internal.production": "Browsers do not trust the proxy's own authority.", "take mode acme or provided for production";
    MAIL_MISSING Error "mail.missing": "Invitations by mail need a mail server.", "add spec.mail, or take one-time-password";
    MAIL_PASSWORD_CLEAR Error "mail.password.clear": "The mail password would go over the network in clear.", "take encryption starttls or tls";
    MAIL_CLEAR Warning "mail.clear": "Invitations go over the network in clear; who reads them can set a password.", "take encryption starttls or tls";
    MAIL_PASSWORD_MISSING Error "mail.password.missing": "A mail user needs the name of the secret with its password.", "add spec.mail.passwordSecret";
    MAIL_USER_MISSING Error "mail.user.missing": "A secret for the mail password is named, and no user.", "add spec.mail.user, or remove passwordSecret";
    SECRET_TAKEN Error "secret.taken": "Two secrets would have one name, and so one file.", "give it a name of its own";
    MAIL_PORT Warning "mail.port": "Port and encryption of the mail server do not go together as usual.", "use 587 with starttls or 465 with tls";
    RECIPIENTS_NONE Warning "recipients.none": "Without recipients no glass can be recorded and no package encrypted.", "add your own to spec.recipients, as this prints it: [ -e identity ] || age-keygen -o identity; age-keygen -y identity (Debian's package age)";
    RECIPIENT_DUPLICATE Error "recipient.duplicate": "A recipient stands twice.", "remove one of the two";
    ALLOW_SSH_WORLD Warning "allow.ssh.world": "SSH answers everyone.", "name the networks that you administer from";
    ALLOW_COVERED Warning "allow.covered": "A network is part of another one in the list.", "remove the smaller one";
    SIZES_MEMORY Error "sizes.memory": "Uploads of this size do not fit the API's memory, which holds each one whole.", "raise apiMemory, or lower uploadLimit or parallelRequests";
    SIZES_OBJECT Warning "sizes.object": "The largest stored object is larger than what the API can hand out in its memory.", "raise apiMemory";
    WINDOW_OVERLAP Error "window.overlap": "Two windows overlap.", "join the two windows";
    WINDOW_SHORT Error "window.short": "The window is too short for anything to be finished in it.", "take a window of an hour or more";
    THRESHOLD_ERRORS Error "threshold.errors": "A share is between 1 and 100 percent.", "take a share between 1 and 100";
    THRESHOLD_P95 Error "threshold.p95": "A limit below today's response time rolls back at once.", "take 100 percent or more";
    THRESHOLD_GRACE Error "threshold.grace": "The source is given up before the watch ends.", "make grace longer than watch";
    VALIDITY_SHORT Error "validity.short": "The package would expire before anybody can use it.", "take a day or more";
    VALIDITY_LONG Warning "validity.long": "The configuration of the source will have changed by then.", "take 90 days or less";
    IMAGE_MISSING Error "image.missing": "No image is named for a service that the target runs.", "add it to application.release, or to the target's images";
    IMAGE_SAME Error "image.same": "Two services have the same image.", "correct one of the two digests";
    REGISTRY_CA Error "registry.ca": "This is not a certificate.", "paste the authority's certificate in PEM form";
    IDENTITY_FACTOR Warning "identity.factor": "Nobody is asked for a second factor.", "set requireSecondFactor to true";
    IDENTITY_LIFESPAN Error "identity.lifespan": "An invitation would hold too long or not long enough to be used.", "take between an hour and 30 days";
    DISK_ENCRYPTION Warning "disk.encryption": "The disk is accepted without encryption.", "encrypt the disk and set requireDiskEncryption to true";
    // Content
    INVENTORY_MISSING Error "inventory.missing": "The export counts objects and has no inventory of them.", "export again with the inventory";
    INVENTORY_HEADER Error "inventory.header": "The first line of the inventory does not name the columns.", "write the header key,size,modified,content_type,sha256,metadata";
    INVENTORY_LINE Error "inventory.line": "A line of the inventory cannot be read.", "export the inventory again";
    INVENTORY_BROKEN Error "inventory.broken": "The compressed inventory is broken.", "export the inventory again";
    INVENTORY_MORE Error "inventory.more": "More lines are like the ones told.", "correct the ones told first";
    INVENTORY_OBJECTS Error "inventory.objects": "The inventory has another number of objects than the export counts.", "export again, inventory and document in one go";
    INVENTORY_BYTES Error "inventory.bytes": "The objects of the inventory add up to another size than the export counts.", "export again, inventory and document in one go";
    INVENTORY_DUPLICATE Error "inventory.duplicate": "A key stands in the inventory twice.", "export the inventory again";
    INVENTORY_FUTURE Warning "inventory.future": "Objects were changed after the export was made.", "export again, or let the delta carry them";
    KEY_UNHOLDABLE Error "key.unholdable": "The target's store cannot hold a key.", "rename the object at the source, or set spec.content.renameKeys in the target";
    KEY_RESERVED Error "key.reserved": "A key belongs to the administration, which overwrites, empties or leaves out what stands there.", "move the object at the source";
    KEY_STRANGE Warning "key.strange": "Objects belong to no collection of the export.", "add the collection, or leave the objects to administrators";
    METADATA_UNHOLDABLE Error "metadata.unholdable": "The target's store cannot hold an object's metadata.", "change the metadata at the source";
}
