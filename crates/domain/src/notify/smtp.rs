//! Mails by SMTP.

use std::fmt;
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use super::causes;
use super::message::MailText;

/// How long a mail may take, without an attachment and with one.
const MAIL_TIMEOUT: Duration = Duration::from_secs(30);
const ATTACHMENT_TIMEOUT: Duration = Duration::from_secs(300);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// The mail server, and the sender of the mails.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// The server.
    pub server: SmtpServer,
    /// The sender.
    pub from: MailAddress,
}

/// A mail server.
#[derive(Clone)]
pub struct SmtpServer {
    host: String,
    port: u16,
    encryption: SmtpEncryption,
    login: Option<(String, SecretString)>,
}

/// A mail address, perhaps with a name: `Backups <backup@school.example>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailAddress(Mailbox);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SmtpEncryption {
    /// From the first byte.
    Tls,
    /// By STARTTLS, or the mail is not sent.
    StartTls,
    /// By STARTTLS, if the server offers it.
    Opportunistic,
    None,
}

/// A file that is attached to a mail.
#[derive(Clone)]
pub(super) struct AttachedFile {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// Why a mail was not sent, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SmtpFailure {
    /// The server has refused this mail. It may accept a mail to another address.
    Refused(String),
    /// The server can't be used.
    Unreachable(String),
}

impl SmtpServer {
    /// Parses `smtp://HOST`, which demands STARTTLS, or `smtps://HOST`, with `USER:PASSWORD@` and `:PORT`. For `smtp`,
    /// `?tls=opportunistic` uses STARTTLS if the server offers it, and `?tls=none` does not.
    ///
    /// # Errors
    /// The problem, as the rest of a sentence after "the secret". It does not repeat the URL.
    pub fn parse(url: &str) -> Result<Self, String> {
        const FORM: &str = "must be smtp://USER:PASSWORD@HOST:PORT or smtps://USER:PASSWORD@HOST:PORT, with characters of \
                            `#?/@%:` in the user name or the password percent-encoded";
        let url = Url::parse(url).map_err(|_| FORM.to_owned())?;
        let host = match url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => return Err(FORM.to_owned()),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() || host.is_empty() {
            return Err(FORM.to_owned());
        }
        let query: Vec<_> = url.query_pairs().collect();
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
            .collect();
        let encryption = match (url.scheme(), query.as_slice()) {
            ("smtps", []) => SmtpEncryption::Tls,
            ("smtp", [] | [("tls", "required")]) => SmtpEncryption::StartTls,
            ("smtp", [("tls", "opportunistic")]) => SmtpEncryption::Opportunistic,
            ("smtp", [("tls", "none")]) => SmtpEncryption::None,
            ("smtp" | "smtps", _) => {
                return Err(
                    "can have ?tls=required, ?tls=opportunistic or ?tls=none at its end, for smtp only".to_owned(),
                );
            }
            _ => return Err(FORM.to_owned()),
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(String::from);
        let login = match (decoded(url.username()), url.password().map(decoded)) {
            (Ok(user), None) if user.is_empty() => None,
            (Ok(user), Some(Ok(password))) if !user.is_empty() => Some((user, SecretString::from(password))),
            _ => return Err("must have both a user name and a password, or neither".to_owned()),
        };
        let is_encrypted = matches!(encryption, SmtpEncryption::Tls | SmtpEncryption::StartTls);
        if login.is_some() && !is_encrypted {
            return Err(
                "has a password, which needs an encrypted connection: leave out `tls=`, or use smtps".to_owned(),
            );
        }
        let port = url.port().unwrap_or(match encryption {
            SmtpEncryption::Tls => 465,
            SmtpEncryption::StartTls | SmtpEncryption::Opportunistic => 587,
            SmtpEncryption::None => 25,
        });
        Ok(Self {
            host,
            port,
            encryption,
            login,
        })
    }
}

impl MailAddress {
    /// Parses an address.
    ///
    /// # Errors
    /// The problem, as the rest of a sentence after the name of the field.
    pub fn parse(address: &str) -> Result<Self, String> {
        address
            .parse()
            .map(Self)
            .map_err(|_| "must be a mail address such as office@school.example".to_owned())
    }
}

impl SmtpSettings {
    /// Sends a mail to one address, and returns when the server has accepted it.
    ///
    /// # Errors
    /// What the server said, or why it could not be asked.
    pub(super) async fn send(
        &self,
        to: &str,
        message_id: &str,
        text: &MailText,
        attached: Option<&AttachedFile>,
    ) -> Result<(), SmtpFailure> {
        let mail = self
            .mail(to, message_id, text, attached)
            .map_err(SmtpFailure::Refused)?;
        let limit = match attached {
            Some(_) => ATTACHMENT_TIMEOUT,
            None => MAIL_TIMEOUT,
        };
        let transport = self.transport().map_err(SmtpFailure::Unreachable)?;
        match tokio::time::timeout(limit, transport.send(mail)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.status().is_some() => {
                let detail = format!("The mail server refused the mail: {}.", causes(&error));
                Err(SmtpFailure::Refused(detail))
            }
            Ok(Err(error)) => {
                let detail = format!("The mail server could not be used: {}.", causes(&error));
                Err(SmtpFailure::Unreachable(detail))
            }
            Err(_) => Err(SmtpFailure::Unreachable(format!(
                "The mail server did not answer within {} seconds.",
                limit.as_secs()
            ))),
        }
    }

    fn mail(
        &self,
        to: &str,
        message_id: &str,
        text: &MailText,
        attached: Option<&AttachedFile>,
    ) -> Result<Message, String> {
        let built = |error: lettre::error::Error| format!("The mail could not be written: {error}.");
        let to = MailAddress::parse(to).map_err(|problem| format!("The address `{to}` {problem}."))?;
        let sender = &self.from.0;
        // With this header, programs don't answer (RFC 3834).
        let automatic = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        let mail = Message::builder()
            .from(sender.clone())
            .to(to.0)
            .subject(&text.subject)
            .message_id(Some(format!("<{message_id}@{}>", sender.email.domain())))
            .raw_header(automatic);
        let texts = MultiPart::alternative_plain_html(text.plain(), text.html());
        let Some(file) = attached else {
            return mail.multipart(texts).map_err(built);
        };
        let kind = ContentType::parse("application/octet-stream")
            .map_err(|error| format!("The mail could not be written: {error}."))?;
        let part: SinglePart = Attachment::new(file.name.clone()).body(file.bytes.clone(), kind);
        mail.multipart(MultiPart::mixed().multipart(texts).singlepart(part))
            .map_err(built)
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
        let server = &self.server;
        let parameters = || {
            TlsParameters::new(server.host.clone())
                .map_err(|error| format!("The TLS library can't be used: {}.", causes(&error)))
        };
        let tls = match server.encryption {
            SmtpEncryption::Tls => Tls::Wrapper(parameters()?),
            SmtpEncryption::StartTls => Tls::Required(parameters()?),
            SmtpEncryption::Opportunistic => Tls::Opportunistic(parameters()?),
            SmtpEncryption::None => Tls::None,
        };
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.clone())
            .port(server.port)
            .tls(tls)
            .timeout(Some(CONNECT_TIMEOUT))
            .hello_name(ClientId::Domain(self.from.0.email.domain().to_owned()));
        Ok(match &server.login {
            Some((user, password)) => transport
                .credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()))
                .build(),
            None => transport.build(),
        })
    }
}

/// Shows neither user name nor password.
impl fmt::Debug for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpServer")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn password_is_never_sent_without_encryption() {
        for url in [
            "smtp://u:p@mail.example?tls=none",
            "smtp://u:p@mail.example?tls=opportunistic",
        ] {
            let refused = SmtpServer::parse(url).unwrap_err();
            assert!(refused.contains("needs an encrypted connection"), "{refused}");
        }
        for url in [
            "",
            "mail.example",
            "http://mail.example",
            "smtp://",
            "smtp://mail.example/x",
            "smtp://mail.example?tls=maybe",
            "smtps://mail.example?tls=none",
            "smtp://user@mail.example",
            "smtp://:p@mail.example",
            "smtp://u:p@mail.example:x",
        ] {
            let refused = SmtpServer::parse(url).unwrap_err();
            assert!(!refused.contains("mail.example"), "{url}: {refused}");
        }
    }

    #[test]
    fn encryption_and_port_follow_from_the_url() {
        for (url, port, encryption) in [
            ("smtp://mail.example", 587, SmtpEncryption::StartTls),
            ("smtp://mail.example:25?tls=required", 25, SmtpEncryption::StartTls),
            ("smtps://u:p@mail.example", 465, SmtpEncryption::Tls),
            (
                "smtp://mail.example?tls=opportunistic",
                587,
                SmtpEncryption::Opportunistic,
            ),
            ("smtp://127.0.0.1?tls=none", 25, SmtpEncryption::None),
        ] {
            let server = SmtpServer::parse(url).unwrap();
            assert_eq!((server.port, server.encryption), (port, encryption), "{url}");
        }
        let server = SmtpServer::parse("smtps://office%40school.example:p%40ss@mail.example").unwrap();
        let (user, password) = server.login.clone().unwrap();
        assert_eq!(
            (user.as_str(), password.expose_secret()),
            ("office@school.example", "p@ss")
        );
        assert!(!format!("{server:?}").contains("p@ss"));
    }
}
