//! The reference relay over `reqwest::Client`, as its own binary runs it.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::Serving;

pub(super) fn serve(listener: TcpListener, provider: SocketAddr) -> Serving {
    Box::pin(async move {
        let base = format!("http://{provider}/v1").parse().expect("the URL is right");
        let config = relay::Config::new(base);
        let client = reqwest::Client::new();
        let served = relay::serve(listener, client, config, std::future::pending()).await;
        served.expect("the defaults do not contradict themselves");
    })
}
