//! Certificates as people paste them.

/// Whether the text is one or more PEM certificates and nothing else.
pub(crate) fn is_certificate(text: &str) -> bool {
    use base64::Engine as _;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let Some((body, after)) = rest
            .strip_prefix("-----BEGIN CERTIFICATE-----")
            .and_then(|inside| inside.split_once("-----END CERTIFICATE-----"))
        else {
            return false;
        };
        let body: String = body.split_whitespace().collect();
        let decoded = base64::engine::general_purpose::STANDARD.decode(body);
        // A certificate is a DER sequence.
        if !decoded.is_ok_and(|bytes| bytes.len() > 64 && bytes[0] == 0x30) {
            return false;
        }
        rest = after.trim_start();
    }
    !text.trim().is_empty()
}
