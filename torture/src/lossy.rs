//! Two networks of their own for the threads of the two sides, joined by a cable that loses packets and is slow.
//!
//! A thread may leave the network of its process (unshare(2)), and what it starts is in its network, so that nothing has a
//! name that would stay behind. Losses come from netem where the kernel has it, or else from a rule of nftables; the rate from
//! a token bucket.

use std::process::Command;

use anyhow::{bail, ensure, Context, Result};
use nix::sched::{unshare, CloneFlags};
use nix::unistd::gettid;

pub(crate) const SERVER: &str = "10.77.0.1";
const CLIENT: &str = "10.77.0.2";
const CABLE: &str = "cable";
/// Percent of packets, each way.
const LOST: u32 = 2;
const RATE: &str = "200mbit";

/// Whether networks can be made here; if not, why.
pub(crate) fn refusal() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("a network of one's own takes root".to_owned());
    }
    let lacks = ["ip", "tc"].into_iter().find(|tool| Command::new(tool).arg("-V").output().is_err());
    lacks.map(|tool| format!("there is no {tool}"))
}

/// Gives the thread of the server its network. The thread's number, by which the other one finds it.
pub(crate) fn serve() -> Result<i32> {
    unshare(CloneFlags::CLONE_NEWNET).context("no network of its own for the server")?;
    run("ip link set lo up")?;
    Ok(gettid().as_raw())
}

/// Gives the thread of the clients its network, and lays the cable. How packets are lost.
pub(crate) fn join(server: i32) -> Result<String> {
    unshare(CloneFlags::CLONE_NEWNET).context("no network of its own for the clients")?;
    run("ip link set lo up")?;
    run(&format!("ip link add {CABLE} type veth peer name {CABLE} netns {server}"))?;
    connect_to_cable(CLIENT)
}

/// Gives this thread's end of the cable its address and its faults. How packets are lost.
pub(crate) fn connect_to_cable(address: &str) -> Result<String> {
    run(&format!("ip address add {address}/24 dev {CABLE}"))?;
    run(&format!("ip link set {CABLE} up"))?;
    let netem = run(&format!("tc qdisc add dev {CABLE} root netem loss {LOST}% delay 2ms rate {RATE}"));
    let Err(refused) = netem else { return Ok(format!("netem: {LOST} % lost, 2 ms, {RATE}")) };
    run(&format!("tc qdisc add dev {CABLE} root tbf rate {RATE} burst 64kb latency 20ms"))?;
    let rules = [
        "nft add table inet lossy".to_owned(),
        "nft add chain inet lossy input { type filter hook input priority 0 ; }".to_owned(),
        format!("nft add rule inet lossy input iifname {CABLE} numgen random mod 100 < {LOST} drop"),
    ];
    for rule in rules {
        run(&rule).with_context(|| format!("neither netem ({refused}) nor nftables"))?;
    }
    Ok(format!("nftables: {LOST} % lost, token bucket: {RATE}; no netem in this kernel"))
}

/// Runs a command line.
fn run(line: &str) -> Result<()> {
    let words: Vec<&str> = line.split(' ').collect();
    let Some((program, arguments)) = words.split_first() else { bail!("nothing to run") };
    let output = Command::new(program).args(arguments).output().with_context(|| format!("cannot start {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{line}`: {}", said.trim());
    Ok(())
}
