//! The signals that stop the program.

/// Returns a future that is ready when a signal asks the program to stop. A second Ctrl-C ends it at once.
pub(super) fn shutdown() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    #[cfg(unix)]
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        // Without a handler for signals there is nothing to wait for, and the system's own Ctrl-C ends the program.
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        tracing::info!("stopping: requests in flight finish first");
        tokio::spawn(async move {
            // The same listener, since a new one would miss a signal that comes before it.
            #[cfg(unix)]
            let is_interrupted = interrupt.recv().await.is_some();
            #[cfg(not(unix))]
            let is_interrupted = tokio::signal::ctrl_c().await.is_ok();
            if is_interrupted {
                std::process::exit(130);
            }
        });
    })
}
