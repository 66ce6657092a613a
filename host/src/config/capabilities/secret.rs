//! `NAME_file`, `NAME_env` and `NAME_credential`: the three places that a secret can come from.

use super::Reading;
use crate::config::reader::{At, Problems, Section, note};
use crate::grants::secret::Secret;

/// The three keys of one secret.
pub(in crate::config) struct Keys {
    pub(in crate::config) file: &'static str,
    pub(in crate::config) env: &'static str,
    pub(in crate::config) credential: &'static str,
}

/// For a password.
pub(super) const PASSWORD: Keys =
    Keys { file: "password_file", env: "password_env", credential: "password_credential" };

/// For the password of `act_dsn`.
pub(super) const ACT_PASSWORD: Keys =
    Keys { file: "act_password_file", env: "act_password_env", credential: "act_password_credential" };

/// For an object store's access key.
pub(super) const ACCESS_KEY: Keys =
    Keys { file: "access_key_file", env: "access_key_env", credential: "access_key_credential" };

/// For the secret that belongs to it.
pub(super) const SECRET_KEY: Keys =
    Keys { file: "secret_key_file", env: "secret_key_env", credential: "secret_key_credential" };

/// Reads a secret's place, of which there is one at most.
pub(in crate::config) fn read(
    keys: &Keys,
    reading: &mut Reading<'_>,
    section: &mut Section<'_>,
    problems: &mut Problems,
) -> Option<Secret> {
    let file = section.text(keys.file, problems).map(|at| at.map(|path| Secret::File(reading.directory.join(path))));
    let variable = section.text(keys.env, problems).map(|at| at.map(Secret::Env));
    let credential = section.text(keys.credential, problems).map(|at| at.map(Secret::Credential));
    let mut given = [file, variable, credential].into_iter().flatten();
    let first: At<Secret> = given.next()?;
    for more in given {
        note(problems, more.span, format!("[{}] names two places for one secret", section.name), "keep one of them");
    }
    reading.secrets.push(first.clone());
    Some(first.value)
}
