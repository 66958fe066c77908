//! Keys and passphrases: the right one opens the archive, and no output shows one.

use campus_backup_archive::{KeyError, Keys, Layers, Limits, Recipients};
use secrecy::{ExposeSecret as _, SecretString};

use crate::content::{BARE, ENCRYPTED, KEY, encrypted, encrypted_only, keys, read, read_within, refusal, seal};

fn passphrase(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn by_passphrase() -> Vec<u8> {
    let recipients = Recipients::passphrase(passphrase("correct horse")).with_work_factor(10);
    seal(BARE, &encrypted_only(recipients))
}

#[test]
fn wrong_or_missing_key_is_refused() {
    assert_eq!(refusal(ENCRYPTED, &Keys::none()).code(), "key_required");
    assert_eq!(refusal(ENCRYPTED, &Keys::generate()).code(), "wrong_key");
    let phrase = Keys::none().with_passphrase(passphrase("correct horse"));
    assert_eq!(
        refusal(ENCRYPTED, &phrase).to_string(),
        "the archive is encrypted: its secret key is needed to open it"
    );
    let archive = by_passphrase();
    assert_eq!(
        refusal(&archive, &keys()).to_string(),
        "the archive is encrypted: its passphrase is needed to open it"
    );
    let wrong = Keys::none().with_passphrase(passphrase("battery staple"));
    assert_eq!(refusal(&archive, &wrong).code(), "wrong_key");
}

#[test]
fn one_of_several_keys_is_enough() {
    let (mine, yours) = (Keys::generate(), Keys::generate());
    let both = format!("# ours\n{}\n\n  {}", mine.recipients(), yours.recipients());
    let layers = Layers {
        recipients: Recipients::parse(&both).unwrap(),
        ..Layers::default()
    };
    let archive = seal(BARE, &layers);
    for keys in [&mine, &yours, &Keys::generate().with(&mine)] {
        assert_eq!(read(&archive, keys).unwrap().1.total, 9);
    }
    let phrases = Keys::generate()
        .with_passphrase(passphrase("battery staple"))
        .with_passphrase(passphrase("correct horse"));
    assert_eq!(read(&by_passphrase(), &phrases).unwrap().1.total, 9);
}

#[test]
fn a_passphrase_that_costs_too_much_is_not_tried() {
    let limits = Limits {
        work_factor: 9,
        ..Limits::default()
    };
    let keys = Keys::none().with_passphrase(passphrase("correct horse"));
    let error = read_within(&by_passphrase(), &keys, limits).unwrap_err();
    assert_eq!(error.code(), "limit_exceeded");
}

#[test]
fn layers_are_read_in_either_order() {
    let zstd_around_age = zstd::encode_all(&*seal(BARE, &encrypted_only(keys().recipients())), 3).unwrap();
    assert_eq!(read(&zstd_around_age, &keys()).unwrap().1.total, 9);
    assert_eq!(read(&seal(BARE, &encrypted()), &keys()).unwrap().1.total, 9);
    assert_eq!(
        read(&zstd::encode_all(BARE, 1).unwrap(), &Keys::none())
            .unwrap()
            .1
            .total,
        9
    );
}

#[test]
fn texts_of_keys_are_read_by_line() {
    assert_eq!(Keys::parse("").unwrap_err(), KeyError::Empty);
    assert_eq!(Keys::parse("# nothing\n\n").unwrap_err(), KeyError::Empty);
    assert_eq!(
        Keys::parse(&format!("{KEY}\nsecret\n")).unwrap_err(),
        KeyError::NoIdentity { line: 5 }
    );
    assert_eq!(Recipients::parse(KEY).unwrap_err(), KeyError::NoRecipient { line: 3 });
    let keys = keys();
    let again = Keys::parse(keys.secret_text().expose_secret()).unwrap();
    assert_eq!(again.recipients().to_string(), keys.recipients().to_string());
    assert!(KEY.contains(keys.recipients().to_string().trim()));
}

#[test]
fn debug_output_shows_no_key() {
    let keys = keys().with_passphrase(passphrase("correct horse"));
    let recipients = Recipients::passphrase(passphrase("correct horse"));
    let shown = format!(
        "{keys:?} {recipients:?} {:?}",
        Layers {
            recipients: recipients.clone(),
            ..Layers::none()
        }
    );
    assert!(!shown.contains("AGE") && !shown.contains("horse"), "{shown}");
    assert!(!format!("{:?}", Keys::parse("AGE-SECRET-KEY-1QQ").unwrap_err()).contains("AGE"));
}

/// `printf %s age1... | sha256sum` gives the same digits.
#[test]
fn fingerprint_is_the_digest_of_the_public_key() {
    use sha2::Digest as _;
    let recipients = keys().recipients();
    let [key] = recipients.public_keys().try_into().unwrap();
    assert_eq!(key.recipient, recipients.to_string().trim());
    let digest = hex::encode(sha2::Sha256::digest(&key.recipient));
    let fingerprint = key.fingerprint.to_string();
    assert_eq!(fingerprint.len(), 39);
    assert_eq!(fingerprint.replace('-', ""), digest[..32]);
}

#[test]
fn recipients_are_added_once_and_opened_by_their_own_keys() {
    let (mine, yours) = (Keys::generate(), Keys::generate());
    let both = mine.recipients().with(&yours.recipients()).with(&mine.recipients());
    assert_eq!(both.public_keys().len(), 2);
    assert!(both.are_opened_by(&mine) && both.are_opened_by(&yours));
    assert!(!both.are_opened_by(&Keys::generate()) && !both.are_opened_by(&Keys::none()));
    assert!(!Recipients::none().are_opened_by(&mine));
}

#[test]
fn document_can_be_written_with_other_keys() {
    use std::io::Read as _;
    let mut document = Vec::new();
    let opened = campus_backup_archive::document(ENCRYPTED, &keys(), &Limits::default());
    opened.unwrap().read_to_end(&mut document).unwrap();
    assert!(document == BARE);
    let other = Keys::generate();
    let again = seal(&document, &encrypted_only(other.recipients()));
    assert_eq!(read(&again, &other).unwrap().1, read(ENCRYPTED, &keys()).unwrap().1);
    assert_eq!(refusal(&again, &keys()).code(), "wrong_key");

    let refused = campus_backup_archive::document(ENCRYPTED, &other, &Limits::default());
    assert_eq!(refused.map(drop).unwrap_err().code(), "wrong_key");
    // The last chunk of a small file is read when it is opened, that of a large file when it is read to its end.
    let cut = campus_backup_archive::document(&ENCRYPTED[..ENCRYPTED.len() - 1], &keys(), &Limits::default());
    let is_complete = cut.is_ok_and(|mut cut| cut.read_to_end(&mut Vec::new()).is_ok());
    assert!(!is_complete);
}
