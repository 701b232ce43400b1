//! Background jobs: shared between nodes, continued after restarts, and robust against failures.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use portcullis_domain::{Clock, SystemClock};
use portcullis_flows::StoreError;
use portcullis_flows::node::job::{
    BatchResult, Job, JobError, JobReport, JobStore, Jobs, RunningJobs,
};
use portcullis_testkit::TestDatabase;

use crate::deployment::{HOUR, MINUTE, SECOND};

/// The runs of a job on all nodes.
#[derive(Default)]
struct Work {
    runs: Mutex<Vec<usize>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    fails: AtomicBool,
    panics: AtomicBool,
    /// Portions that a run has left.
    left: AtomicUsize,
}

impl Work {
    fn job(self: &Arc<Self>, name: &'static str, exclusive: bool, node: usize) -> Job {
        let work = Arc::clone(self);
        let run = move || work.run(node);
        Job { name, every: HOUR, exclusive, run: Box::new(run) }
    }

    fn run(&self, node: usize) -> Result<BatchResult, JobError> {
        let at_once = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(at_once, Ordering::SeqCst);
        self.runs.lock().unwrap().push(node);
        thread::yield_now();
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("out of reach".to_owned()).into());
        }
        assert!(!self.panics.swap(false, Ordering::SeqCst), "as the test wants it");
        let left = self.left.load(Ordering::SeqCst);
        self.left.store(left.saturating_sub(1), Ordering::SeqCst);
        Ok(BatchResult { done: 1, more: left > 0 })
    }

    fn count(&self) -> usize {
        self.runs.lock().unwrap().len()
    }
}

/// The jobs of a node, which runs them until the second value is dropped.
fn node(database: &TestDatabase, jobs: Vec<Job>) -> (Jobs, RunningJobs) {
    let store: Arc<dyn JobStore> = Arc::new(database.connect());
    let jobs = Jobs::new(jobs, store, database.ambient());
    let running = jobs.start(Duration::ZERO).unwrap();
    (jobs, running)
}

/// Waits until it is so, and not for ever.
#[track_caller]
fn eventually(is_so: impl Fn() -> bool) {
    let clock = SystemClock::new();
    while !is_so() {
        assert!(clock.monotonic() < MINUTE, "it never is");
        thread::yield_now();
    }
}

/// As long as threads take to look at a clock that was moved: nothing can be waited for that does
/// not happen. What is done every second is due then, whatever moment its node comes at.
fn meanwhile(database: &TestDatabase, something: &Arc<Work>) {
    let before = something.count();
    database.clock().advance(2 * SECOND);
    eventually(|| something.count() > before);
}

#[test]
fn of_several_nodes_one_does_an_exclusive_job_each_time_and_each_does_its_own() {
    let database = TestDatabase::sqlite();
    let (shared, own) = (Arc::<Work>::default(), Arc::<Work>::default());
    let nodes: Vec<(Jobs, RunningJobs)> = (0..3)
        .map(|number| {
            let jobs = vec![shared.job("shared", true, number), own.job("own", false, number)];
            node(&database, jobs)
        })
        .collect();
    let runs = |name: &str| {
        let states = nodes.iter().flat_map(|(jobs, _)| jobs.states());
        let runs = states.filter(|state| state.name == name).map(|state| state.runs).sum::<u64>();
        usize::try_from(runs).unwrap()
    };
    for round in 1..=5 {
        // A run counts when its end is in the database. A clock that jumps before would end its claim.
        eventually(|| runs("own") >= 3 * round && runs("shared") >= round);
        // A late node has to find out that there is nothing to do.
        assert_eq!(shared.count(), round, "{:?}", shared.runs.lock().unwrap());
        database.clock().advance(HOUR + MINUTE);
    }
    assert_eq!(shared.most_at_once.load(Ordering::SeqCst), 1);
    assert!(own.count() >= 15 && shared.count() >= 5);
}

#[test]
fn a_restart_neither_repeats_a_job_nor_forgets_it() {
    let database = TestDatabase::sqlite();
    let (work, other) = (Arc::<Work>::default(), Arc::<Work>::default());
    for start in 0..3 {
        let often = Job { every: SECOND, ..other.job("often", true, start) };
        let (_, running) = node(&database, vec![work.job("seldom", true, start), often]);
        // A run that is cut off keeps its claim: the first one ends before the clock moves.
        eventually(|| work.count() == 1 && other.count() > 0);
        meanwhile(&database, &other);
        drop(running);
        assert_eq!(work.count(), 1);
    }
    database.clock().advance(HOUR);
    let _jobs = node(&database, vec![work.job("seldom", true, 3)]);
    eventually(|| work.count() == 2);
}

#[test]
fn what_fails_is_tried_again_and_holds_up_nothing_else() {
    let database = TestDatabase::sqlite();
    let (bad, good) = (Arc::<Work>::default(), Arc::<Work>::default());
    bad.fails.store(true, Ordering::SeqCst);
    let (jobs, _running) =
        node(&database, vec![bad.job("bad", true, 0), good.job("good", true, 0)]);
    eventually(|| jobs.states().iter().all(|state| state.runs == 1));
    assert_eq!(jobs.states().iter().map(|state| state.failures).collect::<Vec<_>>(), [1, 0]);
    let stored = database.store().jobs().unwrap();
    assert!(stored[0].is_failing() && !stored[1].is_failing(), "{stored:?}");
    assert!(stored[0].failure.as_deref().unwrap().contains("out of reach"));
    bad.fails.store(false, Ordering::SeqCst);
    database.clock().advance(MINUTE + SECOND);
    eventually(|| bad.count() == 2);
    eventually(|| !database.store().jobs().unwrap()[0].is_failing());
}

#[test]
fn a_report_has_the_failures_in_a_row_and_the_next_run_here_and_everywhere() {
    let database = TestDatabase::sqlite();
    let (bad, own) = (Arc::<Work>::default(), Arc::<Work>::default());
    bad.fails.store(true, Ordering::SeqCst);
    let (jobs, _running) = node(&database, vec![bad.job("bad", true, 0), own.job("own", false, 0)]);
    let reports = || <[JobReport; 2]>::try_from(jobs.reports().unwrap()).unwrap();
    let is_idle = || reports().iter().all(|report| report.next_at.is_some());
    for failures in [1, 2] {
        eventually(|| jobs.states()[0].failures_in_a_row == failures && is_idle());
        let [failing, _] = reports();
        let record = failing.everywhere.unwrap();
        assert!(failing.exclusive && record.is_failing(), "{record:?}");
        assert_eq!(record.due_at, database.clock().now() + MINUTE);
        let next = failing.next_at.unwrap();
        assert_eq!(next, database.clock().now() + MINUTE, "a minute after the failure");
        if failures == 2 {
            bad.fails.store(false, Ordering::SeqCst);
        }
        database.clock().advance(MINUTE);
    }
    eventually(|| jobs.states()[0].runs == 3 && is_idle());
    let [works, own] = reports();
    let counts = |report: &JobReport| {
        let state = &report.state;
        (state.runs, state.failures, state.failures_in_a_row)
    };
    assert_eq!(counts(&works), (3, 2, 0));
    assert!(!works.everywhere.unwrap().is_failing());
    assert_eq!((own.every, own.exclusive, own.everywhere), (HOUR, false, None));
}

#[test]
fn a_panic_counts_as_a_failed_run_of_its_time() {
    let database = TestDatabase::sqlite();
    let work = Arc::<Work>::default();
    work.panics.store(true, Ordering::SeqCst);
    let (jobs, _running) = node(&database, vec![work.job("own", false, 0)]);
    eventually(|| jobs.states()[0].runs == 1);
    let state = jobs.states().remove(0);
    assert_eq!((state.failures, state.failures_in_a_row), (1, 1));
    assert_eq!(state.last_run_seconds, database.clock().now().as_seconds());
}

#[test]
fn a_panic_ends_one_run_and_nothing_more() {
    let database = TestDatabase::sqlite();
    let work = Arc::<Work>::default();
    work.panics.store(true, Ordering::SeqCst);
    let _jobs = node(&database, vec![work.job("own", false, 0)]);
    eventually(|| work.count() == 1);
    database.clock().advance(2 * MINUTE);
    eventually(|| work.count() == 2);
}

#[test]
fn a_run_goes_on_until_nothing_is_left() {
    let database = TestDatabase::sqlite();
    let work = Arc::<Work>::default();
    work.left.store(4, Ordering::SeqCst);
    let (jobs, _running) = node(&database, vec![work.job("long", true, 0)]);
    eventually(|| jobs.states()[0].runs == 1);
    assert_eq!((work.count(), jobs.states()[0].done), (5, 5));
    assert_eq!(jobs.states()[0].duration, Duration::ZERO, "by a clock that stands still");
}

#[test]
fn a_job_of_the_node_that_hangs_delays_no_other() {
    let database = TestDatabase::sqlite();
    let (end, hangs) = mpsc::channel::<()>();
    let hangs = Mutex::new(hangs);
    let run = move || {
        let _ = hangs.lock().unwrap().recv();
        Ok(BatchResult::default())
    };
    let others = [(); 3].map(|()| Arc::<Work>::default());
    let mut jobs = vec![Job { name: "hangs", every: HOUR, exclusive: false, run: Box::new(run) }];
    jobs.extend(others.iter().map(|work| work.job("own", false, 0)));
    let _running = node(&database, jobs);
    eventually(|| others.iter().all(|work| work.count() == 1));
    database.clock().advance(HOUR + MINUTE);
    eventually(|| others.iter().all(|work| work.count() == 2));
    drop(end);
}
