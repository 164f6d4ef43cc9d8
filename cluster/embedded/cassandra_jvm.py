"""Command line of the local Cassandra's Java, measured for the least work until it answers."""

from pathlib import Path

_ADD_PACKAGES = tuple(
    f"{module}/{package}"
    for module, packages in {
        "java.base": "java.io java.lang java.lang.module java.lang.reflect java.nio java.util java.util.concurrent "
        "java.util.concurrent.atomic sun.nio.ch jdk.internal.loader jdk.internal.math jdk.internal.misc "
        "jdk.internal.module jdk.internal.ref jdk.internal.reflect jdk.internal.util.jar",
        "java.rmi": "sun.rmi.registry sun.rmi.server",
        "java.sql": "java.sql",
        "jdk.management": "com.sun.management.internal",
    }.items()
    for package in packages.split()
)
# CPU seconds of the node until the whole system is ready, on a shared 2-core machine: 13.0 and 15.5 with the thresholds
# of C2 at six times Java's own (which are 5,000 calls, ...), 10.6 to 11.8 at forty times; both with the class archive.
# Under load (64 connections that post, the first and the second quarter of a minute after a start): 90 and 131 posts/s
# with these, 80 and 93 with Java's own, as C2 and the load want the same two cores.
_QUICK_START = (
    "-XX:Tier4InvocationThreshold=200000",
    "-XX:Tier4MinInvocationThreshold=50000",
    "-XX:Tier4CompileThreshold=400000",
    "-XX:Tier4BackEdgeThreshold=3000000",
)
# Archived classes are used, and dumped, beside the jamm agent only when this is said; jamm changes no class.
_WITH_AGENT = ("-XX:+UnlockDiagnosticVMOptions", "-XX:+AllowArchivingWithJavaAgent")


def command(java: Path, jars: list[Path], folder: Path, heap_mb: int, archive: tuple[str, ...]) -> list[str]:
    """The command line of a node whose data and configuration are in that folder."""
    jamm = next(jar for jar in jars if jar.name.startswith("jamm-"))
    return [
        str(java),
        f"-Xms{heap_mb}m",
        f"-Xmx{heap_mb}m",
        "-XX:+UseG1GC",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",  # a file of counters in the shared folder for temporary files
        *_QUICK_START,
        *archive,
        f"-javaagent:{jamm}",
        "-Djdk.attach.allowAttachSelf=true",
        f"-Dcassandra.config=file://{folder}/cassandra.yaml",
        f"-Dcassandra.storagedir={folder}",
        f"-Dlogback.configurationFile={folder}/logback.xml",  # without one it logs whatever there is
        f"-Djava.io.tmpdir={folder}/tmp",  # native libraries are unpacked there, and a kill -9 leaves them lying
        "-Dcassandra-foreground=yes",
        "-Dcassandra.superuser_setup_delay_ms=0",
        "-Dcassandra.auth_bcrypt_gensalt_log2_rounds=4",  # nobody guesses a password of 256 random bits
        "-Dcassandra.skip_wait_for_gossip_to_settle=0",
        "-Dcassandra.ring_delay_ms=100",
        "-Dcassandra.shutdown_announce_in_ms=0",  # nobody to tell: 2 s less at each stop
        *(f"--add-{verb}={package}=ALL-UNNAMED" for package in _ADD_PACKAGES for verb in ("opens", "exports")),
        "-cp",
        ":".join(str(jar) for jar in jars),
        "org.apache.cassandra.service.CassandraDaemon",
    ]


def writing_archive(path: Path) -> tuple[str, ...]:
    """Options of a run that leaves an archive of its loaded classes at its end."""
    return (*_WITH_AGENT, f"-XX:ArchiveClassesAtExit={path}")


def using_archive(path: Path) -> tuple[str, ...]:
    """Options of a run that starts from such an archive; one that does not fit is ignored by Java."""
    return (*_WITH_AGENT, "-Xshare:auto", f"-XX:SharedArchiveFile={path}")
