//! Trust stores in PKCS #12 (RFC 7292), the only form that all versions of Java read: certificates without encryption and without a MAC, so
//! that they need no password.

use rustls::pki_types::CertificateDer;
use yasna::models::ObjectIdentifier;
use yasna::{DERWriter, Tag};

/// `data` of PKCS #7.
const DATA: &[u64] = &[1, 2, 840, 113_549, 1, 7, 1];

/// `certBag`.
const CERTIFICATE_BAG: &[u64] = &[1, 2, 840, 113_549, 1, 12, 10, 1, 3];

/// `x509Certificate`.
const X509: &[u64] = &[1, 2, 840, 113_549, 1, 9, 22, 1];

/// `friendlyName`.
const FRIENDLY_NAME: &[u64] = &[1, 2, 840, 113_549, 1, 9, 20];

/// `trustedKeyUsage`, by which Java knows a certificate that it can trust (`PKCS12KeyStore` of `OpenJDK`).
const TRUSTED_KEY_USAGE: &[u64] = &[2, 16, 840, 1, 113_894, 746_875, 1, 1];

/// `anyExtendedKeyUsage`.
const ANY_USAGE: &[u64] = &[2, 5, 29, 37, 0];

/// Returns a trust store with certificates.
pub(super) fn trust_store(certificates: &[CertificateDer<'_>]) -> Vec<u8> {
    let bags = yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            for (index, certificate) in certificates.iter().enumerate() {
                bag(writer.next(), certificate, &format!("ca {index}"));
            }
        });
    });
    let contents = yasna::construct_der(|writer| writer.write_sequence(|writer| data(writer.next(), &bags)));
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            // The version.
            writer.next().write_u8(3);
            data(writer.next(), &contents);
        });
    })
}

/// Writes a content without encryption.
fn data(writer: DERWriter<'_>, content: &[u8]) {
    writer.write_sequence(|writer| {
        identifier(writer.next(), DATA);
        writer.next().write_tagged(Tag::context(0), |writer| writer.write_bytes(content));
    });
}

/// Writes a certificate with its name and its use.
fn bag(writer: DERWriter<'_>, certificate: &[u8], name: &str) {
    writer.write_sequence(|writer| {
        identifier(writer.next(), CERTIFICATE_BAG);
        writer.next().write_tagged(Tag::context(0), |writer| {
            writer.write_sequence(|writer| {
                identifier(writer.next(), X509);
                writer.next().write_tagged(Tag::context(0), |writer| writer.write_bytes(certificate));
            });
        });
        writer.next().write_set(|writer| {
            attribute(writer.next(), FRIENDLY_NAME, |writer| writer.write_bmp_string(name));
            attribute(writer.next(), TRUSTED_KEY_USAGE, |writer| identifier(writer, ANY_USAGE));
        });
    });
}

fn attribute(writer: DERWriter<'_>, name: &[u64], value: impl FnOnce(DERWriter<'_>)) {
    writer.write_sequence(|writer| {
        identifier(writer.next(), name);
        writer.next().write_set(|writer| value(writer.next()));
    });
}

fn identifier(writer: DERWriter<'_>, parts: &[u64]) {
    writer.write_oid(&ObjectIdentifier::from_slice(parts));
}
