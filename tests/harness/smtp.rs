//! A mail server on loopback.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::tls::{self, Connection};

/// When the server encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    None,
    StartTls,
    /// From the first byte.
    Always,
}

/// What a mail server does.
#[derive(Clone, Copy, Debug)]
pub struct MailRules {
    pub tls: MailTls,
    /// The user name and the password that it demands.
    pub login: Option<(&'static str, &'static str)>,
    /// Whether it answers at all.
    pub hangs: bool,
}

/// A mail that the server has accepted.
#[derive(Clone, Debug)]
pub struct ReceivedMail {
    pub from: String,
    pub to: Vec<String>,
    /// Header and body, as they were sent.
    pub data: String,
    pub is_encrypted: bool,
    pub has_login: bool,
}

impl ReceivedMail {
    /// The value of a header that has one line.
    pub fn header(&self, name: &str) -> String {
        let line = self
            .data
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.data)).to_owned()
    }
}

/// A mail server, which runs until it is dropped. It refuses each address that begins with `unknown`.
pub struct MailServer {
    address: SocketAddr,
    mails: Arc<Mutex<Vec<ReceivedMail>>>,
    listening: JoinHandle<()>,
}

impl MailServer {
    pub async fn start(rules: MailRules) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), rules)
    }

    pub fn on(listener: TcpListener, rules: MailRules) -> Self {
        let mails = Arc::<Mutex<Vec<ReceivedMail>>>::default();
        Self {
            address: listener.local_addr().unwrap(),
            listening: tokio::spawn(listen(listener, rules, mails.clone())),
            mails,
        }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// All mails so far.
    pub fn mails(&self) -> Vec<ReceivedMail> {
        self.mails.lock().unwrap().clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl MailRules {
    /// Neither encryption nor a login.
    pub const OPEN: Self = Self {
        tls: MailTls::None,
        login: None,
        hangs: false,
    };
}

async fn listen(listener: TcpListener, rules: MailRules, mails: Arc<Mutex<Vec<ReceivedMail>>>) {
    // The connections end with the listener.
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        let mails = mails.clone();
        connections.spawn(async move { serve(connection, rules, mails).await });
    }
}

async fn serve(connection: TcpStream, rules: MailRules, mails: Arc<Mutex<Vec<ReceivedMail>>>) -> Option<()> {
    if rules.hangs {
        return std::future::pending().await;
    }
    let session = |is_encrypted| MailSession {
        rules,
        is_encrypted,
        has_login: false,
    };
    if rules.tls == MailTls::Always {
        let connection = tls::accept(connection).await?;
        return session(true)
            .run(connection, &mails, "220 mail.example\r\n")
            .await
            .map(drop);
    }
    let upgraded = session(false)
        .run(Box::new(connection), &mails, "220 mail.example\r\n")
        .await?;
    let MailEnd::StartTls(plain) = upgraded else {
        return Some(());
    };
    let encrypted = tls::acceptor().accept(plain).await.ok()?;
    session(true).run(Box::new(encrypted), &mails, "").await.map(drop)
}

struct MailSession {
    rules: MailRules,
    is_encrypted: bool,
    has_login: bool,
}

enum MailEnd {
    Quit,
    /// TLS begins on this connection.
    StartTls(Box<dyn Connection>),
}

impl MailSession {
    /// Answers commands until the client leaves or begins TLS.
    async fn run(
        mut self,
        connection: Box<dyn Connection>,
        mails: &Mutex<Vec<ReceivedMail>>,
        greeting: &str,
    ) -> Option<MailEnd> {
        let mut connection = BufReader::new(connection);
        connection.write_all(greeting.as_bytes()).await.ok()?;
        let (mut from, mut to) = (String::new(), Vec::new());
        loop {
            let line = line(&mut connection).await?;
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
            let address = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
            let answer = match verb.as_str() {
                "EHLO" => self.greeting(),
                "STARTTLS" if self.rules.tls == MailTls::StartTls && !self.is_encrypted => {
                    connection.write_all(b"220 go\r\n").await.ok()?;
                    return Some(MailEnd::StartTls(connection.into_inner()));
                }
                "AUTH" => {
                    let sent = line.strip_prefix("AUTH PLAIN ").unwrap_or_default();
                    let expected = self.rules.login.map(|(user, password)| format!("\0{user}\0{password}"));
                    self.has_login = expected.is_some_and(|expected| STANDARD.encode(expected) == sent);
                    match self.has_login {
                        true => "235 welcome\r\n".to_owned(),
                        false => "535 5.7.8 wrong user name or password\r\n".to_owned(),
                    }
                }
                "MAIL" if self.rules.login.is_some() && !self.has_login => "530 5.7.0 sign in first\r\n".to_owned(),
                "MAIL" => {
                    from = address();
                    to.clear();
                    "250 ok\r\n".to_owned()
                }
                "RCPT" if address().starts_with("unknown") => "550 5.1.1 no such user here\r\n".to_owned(),
                "RCPT" => {
                    to.push(address());
                    "250 ok\r\n".to_owned()
                }
                "DATA" => {
                    connection.write_all(b"354 send the mail\r\n").await.ok()?;
                    let mail = ReceivedMail {
                        from: from.clone(),
                        to: to.clone(),
                        data: data(&mut connection).await?,
                        is_encrypted: self.is_encrypted,
                        has_login: self.has_login,
                    };
                    mails.lock().unwrap().push(mail);
                    "250 stored\r\n".to_owned()
                }
                "QUIT" => {
                    connection.write_all(b"221 bye\r\n").await.ok()?;
                    return Some(MailEnd::Quit);
                }
                "RSET" | "NOOP" => "250 ok\r\n".to_owned(),
                _ => "502 5.5.1 unknown command\r\n".to_owned(),
            };
            connection.write_all(answer.as_bytes()).await.ok()?;
        }
    }

    fn greeting(&self) -> String {
        let mut lines = vec!["mail.example", "8BITMIME"];
        if self.rules.tls == MailTls::StartTls && !self.is_encrypted {
            lines.push("STARTTLS");
        }
        if self.rules.login.is_some() {
            lines.push("AUTH PLAIN");
        }
        let last = lines.len() - 1;
        let line = |(position, line): (usize, &&str)| match position == last {
            true => format!("250 {line}\r\n"),
            false => format!("250-{line}\r\n"),
        };
        lines.iter().enumerate().map(line).collect()
    }
}

async fn line(connection: &mut BufReader<Box<dyn Connection>>) -> Option<String> {
    let mut line = String::new();
    let read = connection.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

/// A mail up to the line with one dot. Other dots at the beginning of a line are doubled (RFC 5321, section 4.5.2).
async fn data(connection: &mut BufReader<Box<dyn Connection>>) -> Option<String> {
    let mut data = String::new();
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == ".\r\n" {
            return Some(data);
        }
        data += line.strip_prefix('.').unwrap_or(&line);
    }
}
