//! Forged tokens, made with other libraries, and an identity provider with its own keys.
//!
//! Nothing here uses the library with which the service creates and reads its tokens.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

/// The parts of a token.
#[derive(Clone, Debug)]
pub struct Token {
    pub header: Value,
    pub claims: Value,
}

impl Token {
    pub fn open(token: &str) -> Self {
        let mut parts = token.split('.');
        let mut part = || serde_json::from_slice(&BASE64.decode(parts.next().unwrap()).unwrap()).unwrap();
        Self {
            header: part(),
            claims: part(),
        }
    }

    pub fn header(mut self, name: &str, value: Value) -> Self {
        self.header[name] = value;
        self
    }

    pub fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims[name] = value;
        self
    }

    pub fn without_header(mut self, name: &str) -> Self {
        self.header.as_object_mut().unwrap().remove(name);
        self
    }

    pub fn without(mut self, claim: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(claim);
        self
    }

    /// The token signed with HS256, whatever its header says.
    pub fn sign(&self, secret: &str) -> String {
        self.signed_by(|message| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), message)
                .as_ref()
                .to_vec()
        })
    }

    /// The token without any signature.
    pub fn unsigned(&self) -> String {
        self.signed_by(|_| Vec::new())
    }

    pub fn signed_by(&self, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let encode = |value: &Value| BASE64.encode(value.to_string());
        let message = format!("{}.{}", encode(&self.header), encode(&self.claims));
        let signature = BASE64.encode(sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

/// A signature algorithm of an identity provider.
#[derive(Clone, Copy, Debug)]
pub enum Algorithm {
    Es256,
    Rs256,
    EdDsa,
}

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A key of an identity provider.
pub struct ProviderKey {
    algorithm: &'static str,
    id: String,
    /// The public key as an entry of a JWKS.
    pub public: Value,
    sign: Sign,
}

impl ProviderKey {
    pub fn new(algorithm: Algorithm, id: &str) -> Self {
        let (algorithm, mut public, sign): (_, Value, Sign) = match algorithm {
            Algorithm::Es256 => es256(),
            Algorithm::Rs256 => rs256(),
            Algorithm::EdDsa => eddsa(),
        };
        public["kid"] = id.into();
        public["use"] = "sig".into();
        public["alg"] = algorithm.into();
        Self {
            algorithm,
            id: id.to_owned(),
            public,
            sign,
        }
    }

    /// A token with these claims.
    pub fn issue(&self, claims: Value) -> String {
        let header = json!({"alg": self.algorithm, "typ": "JWT", "kid": self.id});
        Token { header, claims }.signed_by(&self.sign)
    }
}

fn es256() -> (&'static str, Value, Sign) {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    // An uncompressed point: 4, x, y (SEC 1, section 2.3.3).
    let point = key.public_key().as_ref().to_vec();
    let public =
        json!({"kty": "EC", "crv": "P-256", "x": BASE64.encode(&point[1..33]), "y": BASE64.encode(&point[33..])});
    let random = aws_lc_rs::rand::SystemRandom::new();
    (
        "ES256",
        public,
        Box::new(move |message| key.sign(&random, message).unwrap().as_ref().to_vec()),
    )
}

fn rs256() -> (&'static str, Value, Sign) {
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let part = |number: aws_lc_rs::io::Positive<'_>| BASE64.encode(number.big_endian_without_leading_zero());
    let (n, e) = (part(key.public_key().modulus()), part(key.public_key().exponent()));
    let random = aws_lc_rs::rand::SystemRandom::new();
    let sign = move |message: &[u8]| {
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
        signature
    };
    ("RS256", json!({"kty": "RSA", "n": n, "e": e}), Box::new(sign))
}

fn eddsa() -> (&'static str, Value, Sign) {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    let key = Ed25519KeyPair::generate().unwrap();
    let public = json!({"kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(key.public_key())});
    (
        "EdDSA",
        public,
        Box::new(move |message| key.sign(message).as_ref().to_vec()),
    )
}
