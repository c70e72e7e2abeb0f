//! Programs that are measured from outside: the relay's own binary, and nginx.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::{now, scratch, target};

/// A program with all processes that it has, which ends when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    folder: Option<PathBuf>,
}

impl Drop for Program {
    fn drop(&mut self) {
        // nginx must hear of it in time to end its workers.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        drop(self.child.wait());
        if let Some(folder) = &self.folder {
            drop(fs::remove_dir_all(folder));
        }
    }
}

impl Program {
    /// Builds the relay as it is put in front of a provider, and starts it there; and how it was built: without
    /// optimisation where this bench was.
    ///
    /// # Errors
    /// It does not build, or does not start.
    pub fn relay(provider: SocketAddr) -> io::Result<(Self, &'static str)> {
        let (path, built) = built_relay()?;
        let mut child = Command::new(path)
            .args(["--listen", "127.0.0.1:0", "--max-streams-per-address", "off", "--drain", "0s"])
            .args(["--upstream", &format!("http://{provider}/v1"), "--idle", "off"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let says = child.stderr.take().ok_or_else(|| io::Error::other("no standard error"))?;
        let mut line = String::new();
        let mut says = BufReader::new(says);
        says.read_line(&mut line)?;
        // What it says later must not fill the pipe.
        thread::spawn(move || io::copy(&mut says, &mut io::sink()));
        let address = line.trim_end().strip_prefix("listening on http://").unwrap_or_default();
        let address = address.parse().map_err(|_| {
            io::Error::other(format!("the relay does not listen, it says: {}", line.trim_end()))
        })?;
        Ok((Self { child, address, folder: None }, built))
    }

    /// Starts nginx in front of the provider; `None` where it is not installed.
    ///
    /// # Errors
    /// It is there, and does not start.
    pub fn nginx(provider: SocketAddr, open_files: u64) -> io::Result<Option<Self>> {
        let folder = scratch()?;
        let address = free_address()?;
        let path = folder.join("nginx.conf");
        fs::write(&path, nginx_config(address, provider, open_files))?;
        let spawned = Command::new("nginx")
            .arg("-p")
            .arg(&folder)
            .arg("-c")
            .arg(&path)
            .args(["-e", "stderr"])
            .stdin(Stdio::null())
            .spawn();
        let child = match spawned {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut program = Self { child, address, folder: Some(folder) };
        let begun = now();
        while TcpStream::connect(address).is_err() {
            if program.child.try_wait()?.is_some() || now() > begun + Duration::from_secs(10) {
                return Err(io::Error::other("nginx does not listen; what it said is above"));
            }
            thread::yield_now();
        }
        Ok(Some(program))
    }

    /// The program's processes: its first one and that one's children.
    fn processes(&self) -> Vec<u32> {
        let first = self.child.id();
        let path = format!("/proc/{first}/task/{first}/children");
        let children = fs::read_to_string(path).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        std::iter::once(first).chain(children).collect()
    }

    /// The processor's time that its threads have taken (`schedstat`, in nanoseconds: the ticks of
    /// `proc_pid_stat(5)` are too long for what is measured here). A thread that ends takes its time with
    /// it; neither the relay nor nginx has such.
    ///
    /// # Errors
    /// It is gone.
    pub fn cpu(&self) -> io::Result<Duration> {
        let mut nanos = 0;
        for pid in self.processes() {
            for task in fs::read_dir(format!("/proc/{pid}/task"))? {
                let stat = fs::read_to_string(task?.path().join("schedstat"))?;
                let taken = stat.split_whitespace().next().and_then(|field| field.parse().ok());
                let taken: u64 = taken.ok_or_else(|| io::Error::other("schedstat has no time"))?;
                nanos += taken;
            }
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// The memory that it has, in bytes; what processes share counts once (`proc_pid_smaps(5)`: Pss).
    ///
    /// # Errors
    /// It is gone.
    pub fn memory(&self) -> io::Result<u64> {
        let mut kilobytes = 0;
        for pid in self.processes() {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
            let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
            let pss = pss.and_then(|pss| pss.split_whitespace().next()?.parse::<u64>().ok());
            kilobytes += pss.ok_or_else(|| io::Error::other("smaps_rollup has no Pss"))?;
        }
        Ok(kilobytes << 10)
    }
}

/// The relay's program, and how it was built.
fn built_relay() -> io::Result<(PathBuf, &'static str)> {
    let folder = target()?;
    if cfg!(debug_assertions) {
        cargo(&["build", "--quiet", "--package", "relay"])?;
        return Ok((folder.join("relay"), "without optimisation"));
    }
    // What is missing for it, it says itself.
    if let Ok(path) = cargo(&["run", "--quiet", "--package", "relay", "--example", "dist"]) {
        return Ok((path.trim_end().into(), "by a profile of its work"));
    }
    cargo(&["build", "--quiet", "--package", "relay", "--profile", "dist"])?;
    Ok((folder.with_file_name("dist").join("relay"), "without a profile of its work"))
}

/// What cargo says on standard output.
fn cargo(arguments: &[&str]) -> io::Result<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).stderr(Stdio::inherit());
    let output = cargo.output()?;
    if !output.status.success() {
        return Err(io::Error::other("the relay does not build; see above"));
    }
    String::from_utf8(output.stdout).map_err(io::Error::other)
}

/// nginx as one would set it up for event streams: HTTP/1.1 with kept connections, no buffering.
fn nginx_config(listen: SocketAddr, provider: SocketAddr, open_files: u64) -> String {
    format!(
        "daemon off;
pid nginx.pid;
worker_processes auto;
worker_rlimit_nofile {open_files};
events {{ worker_connections {open_files}; }}
http {{
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream provider {{ server {provider}; keepalive 64; }}
  server {{
    listen {listen};
    location / {{
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_buffering off;
      proxy_read_timeout 1h;
    }}
  }}
}}
"
    )
}

/// An address that was free just now, for a program that does not tell which one it took.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
