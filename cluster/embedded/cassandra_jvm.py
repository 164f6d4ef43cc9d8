"""Command line of the local Cassandra's Java: little memory, and the least work in the first minutes."""

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
# Batches/s, CPU ms for each and MB in memory, 64 at once in the first half minute on a shared 2-core machine: 600, 1.9
# and 927 with G1, 512 MB and C2 late; 690, 1.3 and 883 without C2, which wants the same two cores as the load; 550, 1.5
# and 444 with these and 160 MB. Who runs it for days on idle cores has a Cassandra of their own, with its own options.
_LEAN = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:ReservedCodeCacheSize=64m",
    "-Xss256k",
    "-Dio.netty.allocator.numDirectArenas=1",
)
# Archived classes are used, and dumped, beside the jamm agent only when this is said; jamm changes no class.
_WITH_AGENT = ("-XX:+UnlockDiagnosticVMOptions", "-XX:+AllowArchivingWithJavaAgent")


def command(java: Path, jars: list[Path], folder: Path, heap_mb: int, archive: tuple[str, ...]) -> list[str]:
    """The command line of a node whose data and configuration are in that folder."""
    jamm = next(jar for jar in jars if jar.name.startswith("jamm-"))
    return [
        str(java),
        f"-Xmx{heap_mb}m",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",  # a file of counters in the shared folder for temporary files
        *_LEAN,
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
