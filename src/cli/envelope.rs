//! `encrypt` and `decrypt`: the envelope of calls to connectors, from standard input to standard output.

use std::fmt;
use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};

use super::connector::SecretArgument;
use super::output::{UNUSABLE, fail, print_bytes, report};
use crate::text::bom;
use crate::text::charset::Charset;
use crate::workloads::shifts::envelope::{self, Envelope, MessageKeys, Secret};

/// The arguments of `encrypt`.
#[derive(Args, Debug)]
pub(super) struct EncryptArguments {
    #[command(flatten)]
    form: EnvelopeArguments,
}

/// The arguments of `decrypt`.
#[derive(Args, Debug)]
pub(super) struct DecryptArguments {
    #[command(flatten)]
    form: EnvelopeArguments,
    /// Print the parts of the envelope instead of its plaintext
    #[arg(long, env = "WFI_EMULATOR_PARTS")]
    parts: bool,
}

#[derive(Args, Debug)]
struct EnvelopeArguments {
    #[command(flatten)]
    secret: SecretArgument,
    /// Encoding of the encrypted body; without it, encrypt writes raw bytes, and decrypt recognizes the encoding
    #[arg(long, env = "WFI_EMULATOR_FORM")]
    form: Option<Encoding>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Encoding {
    /// Raw bytes
    Raw,
    /// Two hexadecimal digits per byte
    Hex,
    /// Base64
    Base64,
}

/// Encrypts standard input.
pub(super) fn encrypt(arguments: &EncryptArguments) -> ExitCode {
    let form = &arguments.form;
    transform(form, |secret, input| {
        if let Some((charset, _)) = Charset::of_mark(input) {
            report(&format!(
                "byte order mark of {} in standard input: it is encrypted with the text, as a connector would get it\n",
                charset.name()
            ));
        }
        let keys = MessageKeys::random().map_err(|error| error.to_string())?;
        let body = envelope::encrypt(secret, &keys, input);
        Ok(match form.form.unwrap_or(Encoding::Raw) {
            Encoding::Raw => body,
            Encoding::Hex => format!("{}\n", Hex(&body)).into_bytes(),
            Encoding::Base64 => format!("{}\n", STANDARD.encode(body)).into_bytes(),
        })
    })
}

/// Decrypts standard input, or prints the parts of the envelope.
pub(super) fn decrypt(arguments: &DecryptArguments) -> ExitCode {
    let (form, parts) = (&arguments.form, arguments.parts);
    transform(form, |secret, input| {
        if input.trim_ascii().is_empty() {
            return Err("empty standard input: expected an encrypted body".to_owned());
        }
        let body = match form.form.unwrap_or_else(|| recognized(input)) {
            Encoding::Raw => input.to_vec(),
            Encoding::Hex => unhex(&text_of(input)?).ok_or("standard input is not hexadecimal: expected pairs of digits")?,
            Encoding::Base64 => STANDARD
                .decode(without_space(&text_of(input)?))
                .map_err(|error| format!("standard input is not base64: {error}"))?,
        };
        let description = if parts { Envelope::read(&body).map(|envelope| describe(&envelope)) } else { Ok(String::new()) };
        let decrypted = envelope::decrypt(secret, &body);
        let failed = |error: envelope::EnvelopeError| format!("{}: {error}", error.name());
        let description = description.map_err(failed)?;
        match decrypted {
            Ok(plaintext) if parts => Ok(format!("{description}plaintext {} bytes\n", plaintext.len()).into_bytes()),
            Ok(plaintext) => Ok(plaintext),
            Err(error) => Err(format!("{description}{}", failed(error))),
        }
    })
}

/// Returns the encoding of an envelope. A raw one begins with a control character, so that it is never text.
fn recognized(input: &[u8]) -> Encoding {
    let Ok(text) = text_of(input) else { return Encoding::Raw };
    let digits = without_space(&text);
    if digits.iter().all(u8::is_ascii_hexdigit) && digits.len().is_multiple_of(2) {
        Encoding::Hex
    } else if digits.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte)) {
        Encoding::Base64
    } else {
        Encoding::Raw
    }
}

/// The keys that end the input of a terminal.
const END_OF_INPUT: &str = if cfg!(windows) { "Ctrl-Z and Enter" } else { "Ctrl-D" };

fn transform(form: &EnvelopeArguments, convert: impl FnOnce(&Secret, &[u8]) -> Result<Vec<u8>, String>) -> ExitCode {
    let secret = match form.secret.read_beside_input() {
        Ok(secret) => secret,
        Err(problem) => return fail(UNUSABLE, &problem),
    };
    if std::io::stdin().is_terminal() {
        report(&format!("reading from the terminal, to the end with {END_OF_INPUT}\n"));
    }
    let mut input = Vec::new();
    if let Err(error) = std::io::stdin().lock().read_to_end(&mut input) {
        return fail(1, &format!("standard input: {error}"));
    }
    match convert(&secret, &input) {
        Ok(output) => print_bytes(&output),
        Err(problem) => fail(1, &problem),
    }
}

fn describe(envelope: &Envelope<'_>) -> String {
    let Envelope { encrypted_key, iv, ciphertext, tag } = *envelope;
    let first = &ciphertext[..16];
    format!(
        "EK  {} (the data key, encrypted)\nIV  {}\nCT  {}… ({} bytes)\nAT  {} (the tag)\n",
        Hex(encrypted_key),
        Hex(iv),
        Hex(first),
        ciphertext.len(),
        Hex(tag)
    )
}

/// Bytes displayed as hexadecimal digits.
struct Hex<'b>(&'b [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Returns digits without a byte order mark, in UTF-8: Windows PowerShell writes UTF-16.
fn text_of(input: &[u8]) -> Result<Vec<u8>, String> {
    Ok(bom::strip_bytes(&Charset::utf8(input.to_vec())?).to_vec())
}

fn without_space(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Vec<u8> = without_space(text).into_iter().map(digit).collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
