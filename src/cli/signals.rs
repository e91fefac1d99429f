//! The signals that stop the program.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// The caught signals that ask the program to stop.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    hang_up: Option<Signal>,
    #[cfg(unix)]
    quit: Option<Signal>,
}

/// A signal that asks the program to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopSignal {
    Interrupt,
    #[cfg(unix)]
    Terminate,
    #[cfg(unix)]
    HangUp,
    #[cfg(unix)]
    Quit,
}

impl StopSignal {
    /// Returns the exit status of a program that the signal has ended, as a shell does.
    pub(super) fn status(self) -> u8 {
        128 + match self {
            StopSignal::Interrupt => 2,
            #[cfg(unix)]
            StopSignal::Terminate => 15,
            #[cfg(unix)]
            StopSignal::HangUp => 1,
            #[cfg(unix)]
            StopSignal::Quit => 3,
        }
    }
}

impl Signals {
    /// Catches the signals from now on. One that the parent process has made this program ignore, as `nohup` does, stays ignored.
    pub(super) fn catch() -> std::io::Result<Signals> {
        #[cfg(unix)]
        {
            let unless_ignored = |number, kind| if is_ignored(number) { Ok(None) } else { signal(kind).map(Some) };
            Ok(Signals {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hang_up: unless_ignored(1, SignalKind::hangup())?,
                quit: unless_ignored(3, SignalKind::quit())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Signals {})
    }

    /// Waits until a signal asks the program to stop.
    pub(super) async fn stop(&mut self) {
        self.next().await;
    }

    /// Waits for a signal that asks the program to stop.
    pub(super) async fn next(&mut self) -> StopSignal {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.terminate.recv() => StopSignal::Terminate,
            () = receive(&mut self.hang_up) => StopSignal::HangUp,
            () = receive(&mut self.quit) => StopSignal::Quit,
        }
        #[cfg(not(unix))]
        {
            self.interrupt().await;
            StopSignal::Interrupt
        }
    }

    /// Returns a signal that has come already.
    pub(super) async fn pending(&mut self) -> Option<StopSignal> {
        tokio::time::timeout(std::time::Duration::ZERO, self.next()).await.ok()
    }

    /// Waits for Ctrl-C.
    pub(super) async fn interrupt(&mut self) {
        // The same listener, since a new one would miss a signal that comes before it.
        #[cfg(unix)]
        let is_interrupted = self.interrupt.recv().await.is_some();
        #[cfg(not(unix))]
        let is_interrupted = tokio::signal::ctrl_c().await.is_ok();
        // Without a handler for signals there is nothing to wait for, and the system's own Ctrl-C ends the program.
        if !is_interrupted {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
async fn receive(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Whether a signal is ignored, where the system says so without a call that is unsafe.
#[cfg(unix)]
fn is_ignored(number: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (number - 1) & 1 == 1)
}

/// The exit status after a second Ctrl-C.
pub(super) const INTERRUPTED: u8 = 130;

/// Returns a future that is ready when a signal asks the program to stop, and one that is ready at Ctrl-C after that.
pub(super) fn shutdown() -> std::io::Result<(impl Future<Output = ()>, impl Future<Output = ()>)> {
    let mut signals = Signals::catch()?;
    let (sender, receiver) = oneshot::channel();
    let stop = async move {
        signals.stop().await;
        tracing::info!("stopping: requests in flight finish first");
        let _ = sender.send(signals);
    };
    let hurry = async move {
        match receiver.await {
            Ok(mut signals) => signals.interrupt().await,
            Err(_) => std::future::pending().await,
        }
    };
    Ok((stop, hurry))
}
