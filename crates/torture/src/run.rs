//! One run: everybody lives, things go wrong by the plan, everything heals, and the history is checked.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use parlor_testkit::history::{History, check, read_folder};
use tokio::{sync::watch, task::JoinSet, time::Instant};

use crate::{
    device::{Device, Resting},
    live::Application,
    options::Options,
    person,
    plan::{Planned, plan},
    report::Report,
    settle::{self, Restless},
    site::{Site, can_lock},
    world::{Person, Phase, World},
};

/// Devices of each person.
const DEVICES: usize = 2;
/// Each of so many people also uses the Rust client.
const APPLICATIONS_EVERY: usize = 2;
/// How long people may take to notice that it is quiet: the longest call and what it waits for.
const QUIET_MAX: Duration = Duration::from_mins(1);

/// Runs once and answers what it was like.
pub(crate) async fn run(options: &Options, seed: u64, folder: &Path) -> Result<Report> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let history = Arc::new(History::kept_in(folder)?);
    let mut site = Site::start(options, seed, folder, history.clone()).await?;
    let direct_url = site.direct_url();
    let (phase, phases) = watch::channel(Phase::Busy);
    let world = World::make(site.url(), &direct_url, seed, history.clone(), phases).await?;
    let world = Arc::new(world);

    let mut people = JoinSet::new();
    let mut devices = JoinSet::new();
    let mut restless = BTreeMap::new();
    let resting = Resting::default();
    for person in &world.people {
        people.spawn(person::live(world.clone(), person.clone()));
        for number in 1..=DEVICES {
            let name = format!("{}-{number}", person.handle);
            restless.insert(name.clone(), rests(person, true));
            let device = Device::new(world.clone(), person.clone(), name, resting.clone());
            devices.spawn(device.live());
        }
    }
    for person in world.people.iter().step_by(APPLICATIONS_EVERY) {
        let name = format!("{}-app", person.handle);
        restless.insert(name.clone(), rests(person, false));
        let application = Application::new(world.clone(), person.clone(), name, resting.clone());
        devices.spawn(application.live());
    }
    for talk in &world.talks {
        if let Some(owner) = talk.owner {
            let owner = world.people[owner].clone();
            people.spawn(person::manage(world.clone(), owner, talk.clone()));
        }
    }

    let planned = if options.calm {
        Vec::new()
    } else {
        plan(seed, options.seconds, options.engine, can_lock())
    };
    suffer(&mut site, &planned, Duration::from_secs(options.seconds)).await?;

    phase.send_replace(Phase::Quiet);
    let quiet = async { while people.join_next().await.is_some() {} };
    tokio::time::timeout(QUIET_MAX, quiet)
        .await
        .context("people do not come to rest")?;
    settle::until_idle(&resting, &restless).await;
    settle::last_words(&world, &direct_url).await;
    if !settle::until_all_rest(&world, &direct_url, &resting, &restless).await {
        println!("not all devices came to rest");
    }
    phase.send_replace(Phase::Over);
    while devices.join_next().await.is_some() {}
    settle::read_all(&world, &direct_url).await?;
    history.flush()?;
    drop(site);
    checked(folder)
}

fn rests(person: &Person, has_versions: bool) -> Restless {
    Restless {
        owner: person.id.clone(),
        has_versions,
    }
}

/// Lets things go wrong as planned, until the time is over.
async fn suffer(site: &mut Site, planned: &[Planned], lasts: Duration) -> Result<()> {
    let began = Instant::now();
    for Planned { at, fault } in planned {
        tokio::time::sleep_until(began + *at).await;
        // What the server needs to come back is not in the plan.
        if began.elapsed() > lasts {
            break;
        }
        println!("{:>7.1} s  {fault}", began.elapsed().as_secs_f64());
        site.suffer(fault).await?;
    }
    tokio::time::sleep_until(began + lasts).await;
    Ok(())
}

/// Checks a history that was kept: what is judged is what stands in the files.
pub(crate) fn checked(folder: &Path) -> Result<Report> {
    let lines = read_folder(folder)
        .with_context(|| format!("no history can be read in {}", folder.display()))?;
    anyhow::ensure!(!lines.is_empty(), "{} holds no history", folder.display());
    let violations = check(&lines);
    Ok(Report::of(&lines, violations))
}
