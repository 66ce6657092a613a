//! Taking another configuration: whole or not at all, while runs and schedule go on.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Agent, acting};
use crate::actions::acting::Current;
use crate::config::{self, Config, Draft};
use crate::engine::Room;
use crate::plugin::Loader;
use crate::serve::ask::NotReloaded;

impl Agent {
    /// Begins to take the file as it is now; runs and schedule go on meanwhile.
    pub(super) fn reload(&mut self) {
        if !self.reloads.is_empty() {
            self.reload_again = true;
            return;
        }
        tracing::info!(config = %self.path.display(), "reloading");
        let (path, loader, room) = (self.path.clone(), Arc::clone(&self.loader), self.room);
        let (state_dir, most) = (self.config.agent.state_dir.clone(), self.room.runs as usize);
        let (socket, group) = (self.config.api.socket.clone(), self.config.api.group.clone());
        self.reloads.spawn(async move {
            let config = read(&path, &loader, room).await?;
            let restart = |what: String| Err(refused(format!("{}: {what}", path.display())));
            if config.agent.state_dir != state_dir {
                return restart("agent.state_dir has changed, which takes a restart".to_owned());
            }
            if (&config.api.socket, &config.api.group) != (&socket, &group) {
                return restart("api.socket or api.group has changed, which takes a restart".to_owned());
            }
            if config.agent.max_running.get() > most {
                return restart(format!(
                    "agent.max_running is above {most}, for which the engine reserved room: restart"
                ));
            }
            Ok(config)
        });
    }

    /// Takes a configuration whole, or keeps the one there is; and begins with the next, if that was asked for meanwhile.
    pub(super) fn take_over(&mut self, reloaded: Result<Config, NotReloaded>) {
        let mut withdrawn = None;
        let taken = match reloaded {
            Ok(config) => {
                let plans = config.jobs.values().map(|job| job.plan.clone()).collect();
                let events = self.schedule.reload(config.agent.max_running, plans, Timestamp::now());
                let note = format!("ok: configuration {} with {} jobs", config.digest, config.jobs.len());
                self.standing.retain(|job, _| config.jobs.contains_key(&**job));
                // Who reloads may have replaced the plugin or raised the limit: every job gets another chance.
                self.breakers.clear();
                self.config = config;
                self.rules.send_replace(Arc::new(self.config.api.rules.clone()));
                let current = acting::current(&self.config);
                self.change_current(|there| *there = Current { paused: there.paused.take(), ..current });
                withdrawn = Some(self.withdraw());
                self.configured("reload");
                self.suspect_the_unknown();
                self.forget_other_plugins();
                self.carry_out(events);
                tracing::info!("reloaded, {note}");
                Ok(note)
            }
            Err(refused) => {
                tracing::error!("not reloaded, the configuration stays as it was:\n{}", refused.message);
                Err(refused)
            }
        };
        self.reload_ended(&taken, withdrawn);
        if std::mem::take(&mut self.reload_again) {
            self.desk.reload_begins();
            self.reload();
        }
    }
}

/// A reload that is refused for this reason.
pub(super) fn refused(message: String) -> NotReloaded {
    NotReloaded { message, problems: Vec::new() }
}

/// The file's configuration, or all its mistakes.
async fn read(path: &Path, loader: &Loader, room: Room) -> Result<Config, NotReloaded> {
    let text = config::text(path).map_err(refused)?;
    config::complete(Draft::read(path, &text), loader, room)
        .await
        .map_err(|mistakes| NotReloaded { message: mistakes.to_string(), problems: mistakes.problems })
}
