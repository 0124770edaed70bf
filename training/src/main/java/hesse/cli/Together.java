package hesse.cli;

import hesse.collective.Group;
import hesse.collective.Ranks;
import hesse.collective.World;
import hesse.config.ConfigException;
import hesse.error.UserException;
import hesse.graph.ShapeException;
import hesse.run.Console;

/** What a command does where a launcher started several processes of it: they compute it together, or it refuses. */
public final class Together {
    /** A command's work as one of several ranks, or by itself. */
    interface Work {
        /** @param console says nothing on other ranks than the first */
        int run(Ranks ranks, Console console) throws InterruptedException;
    }

    private Together() {}

    /** Joins the others, if there are any, and works; an error of this process ends them too, with its exit code. */
    static int run(Console console, Work work) throws InterruptedException {
        try (var ranks = Group.join(World.of(System.getenv()), System.getenv(), console.err()::println)) {
            try {
                return work.run(ranks, ranks.first() ? console : console.mute());
            } catch (RuntimeException | Error e) {
                if (ranks instanceof Group group) group.fail(String.valueOf(e.getMessage()), exitCode(e));
                throw e;
            }
        }
    }

    private static int exitCode(Throwable e) {
        return switch (e) {
            case UserException u -> u.exitCode();
            case ShapeException s -> 2;
            default -> 1;
        };
    }

    /**
     * Refuses to be started several times.
     *
     * @param remedy what to do about it
     * @throws ConfigException if a launcher did
     */
    public static void requireAlone(String remedy) {
        var world = World.of(System.getenv());
        if (world.size() == 1) return;
        throw new ConfigException("this command runs in one process, and " + world.launcher() + " started "
                + world.size() + ", which would all do the same. " + remedy);
    }
}
