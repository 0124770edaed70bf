package hesse.collective;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * This process's place among those that a launcher started, as the launcher's variables say: RANK and WORLD_SIZE (torchrun and whatever
 * speaks its language), Kubeflow's PET_*, Open MPI's, those of MPICH's launchers, Slurm's srun.
 *
 * @param localRank among the processes of its machine
 * @param launcher whose variables were read
 * @param meeting where rank 0 listens, if the launcher says; else it is told by MPI
 */
public record World(int rank, int size, int localRank, String launcher, Optional<Meeting> meeting) {
    /** An address that all ranks know. */
    public record Meeting(String host, int port) {}

    private static final int FIRST_PORT = 20_000;
    private static final int PORTS = 20_000;
    /** {@code node[03-07,9],other} begins with node03. */
    private static final Pattern NODES = Pattern.compile("([^,\\[]+)(?:\\[([^\\],-]+)[^\\]]*\\])?.*");

    /** One process by itself. */
    public static final World ALONE = new World(0, 1, 0, "", Optional.empty());

    public World {
        if (size < 1 || rank < 0 || rank >= size) {
            throw new UserException(
                    Kind.USAGE,
                    launcher.isEmpty() ? "the launcher" : launcher,
                    "gives rank " + rank + " of " + size + " processes",
                    "Ranks run from 0 to one less than their number");
        }
    }

    /** The place that the environment names; alone where it names none. */
    public static World of(Map<String, String> environment) {
        var e = new Variables(environment);
        if (e.has("RANK") && e.has("WORLD_SIZE")) {
            var meeting = e.has("MASTER_ADDR") && e.has("MASTER_PORT")
                    ? Optional.of(new Meeting(e.text("MASTER_ADDR"), e.number("MASTER_PORT")))
                    : Optional.<Meeting>empty();
            return new World(
                    e.number("RANK"), e.number("WORLD_SIZE"), e.or("LOCAL_RANK", 0), "RANK and WORLD_SIZE", meeting);
        }
        if (e.has("OMPI_COMM_WORLD_RANK") && e.has("OMPI_COMM_WORLD_SIZE")) {
            return new World(
                    e.number("OMPI_COMM_WORLD_RANK"),
                    e.number("OMPI_COMM_WORLD_SIZE"),
                    e.or("OMPI_COMM_WORLD_LOCAL_RANK", 0),
                    "Open MPI",
                    Optional.empty());
        }
        if (e.has("PET_NODE_RANK") && e.has("PET_NNODES")) return kubeflow(e);
        if (e.has("SLURM_PROCID") && e.has("SLURM_STEP_NUM_TASKS")) {
            int port = FIRST_PORT + e.or("SLURM_JOB_ID", 0) % PORTS;
            return new World(
                    e.number("SLURM_PROCID"),
                    e.number("SLURM_STEP_NUM_TASKS"),
                    e.or("SLURM_LOCALID", 0),
                    "Slurm",
                    Optional.of(new Meeting(firstNode(e.text("SLURM_STEP_NODELIST")), port)));
        }
        if (e.has("PMI_RANK") && e.has("PMI_SIZE")) {
            return new World(
                    e.number("PMI_RANK"), e.number("PMI_SIZE"), e.or("MPI_LOCALRANKID", 0), "PMI", Optional.empty());
        }
        return ALONE;
    }

    private static World kubeflow(Variables e) {
        if (e.or("PET_NPROC_PER_NODE", 1) != 1) {
            throw new UserException(
                    Kind.USAGE,
                    "PET_NPROC_PER_NODE",
                    "is " + e.text("PET_NPROC_PER_NODE") + "; Hesse starts no processes, so each pod holds one",
                    "Set it to 1 and ask for more pods");
        }
        return new World(
                e.number("PET_NODE_RANK"),
                e.number("PET_NNODES"),
                0,
                "Kubeflow",
                Optional.of(new Meeting(e.text("PET_MASTER_ADDR"), e.number("PET_MASTER_PORT"))));
    }

    static String firstNode(String list) {
        var m = NODES.matcher(list);
        if (!m.matches()) return "localhost";
        return m.group(1) + (m.group(2) == null ? "" : m.group(2));
    }

    private record Variables(Map<String, String> all) {
        boolean has(String name) {
            return !all.getOrDefault(name, "").isBlank();
        }

        String text(String name) {
            return all.getOrDefault(name, "");
        }

        int or(String name, int otherwise) {
            return has(name) ? number(name) : otherwise;
        }

        int number(String name) {
            try {
                return Integer.parseInt(text(name).strip());
            } catch (NumberFormatException e) {
                throw new UserException(
                        Kind.USAGE, name, "is '" + text(name) + "', no whole number", "The launcher should set it", e);
            }
        }
    }
}
