package hesse.collective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import hesse.error.UserException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Groups of ranks: sums in one process, launchers' variables, and what happens when one of them is lost. */
class CollectiveTest {
    private static <T> List<T> all(List<Callable<T>> tasks) throws Exception {
        try (var threads = Executors.newFixedThreadPool(tasks.size())) {
            var results = new ArrayList<T>();
            for (var f : threads.invokeAll(tasks)) results.add(f.get());
            return results;
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5})
    void threadsOfOneProcessConform(int size) throws Exception {
        all(InProcess.group(size).stream()
                .map(c -> (Callable<Integer>) () -> {
                    CollectiveConformance.check(c, CollectiveConformance.Memory.host());
                    return 0;
                })
                .toList());
        CollectiveConformance.check(Collective.alone(), CollectiveConformance.Memory.host());
    }

    @Test
    void launchersSayWhoIsWho() {
        assertEquals(World.ALONE, World.of(Map.of("PATH", "/bin")));
        var torch = World.of(Map.of(
                "RANK", "3", "WORLD_SIZE", "8", "LOCAL_RANK", "1", "MASTER_ADDR", "node0", "MASTER_PORT", "29500"));
        assertEquals(new World(3, 8, 1, "RANK and WORLD_SIZE", Optional.of(new World.Meeting("node0", 29500))), torch);
        var open = World.of(Map.of(
                "OMPI_COMM_WORLD_RANK",
                "1",
                "OMPI_COMM_WORLD_SIZE",
                "2",
                "OMPI_COMM_WORLD_LOCAL_RANK",
                "1",
                "SLURM_PROCID",
                "0",
                "SLURM_STEP_NUM_TASKS",
                "1",
                "SLURM_STEP_NODELIST",
                "a"));
        assertEquals(new World(1, 2, 1, "Open MPI", Optional.empty()), open);
        var slurm = World.of(Map.of(
                "SLURM_PROCID",
                "9",
                "SLURM_STEP_NUM_TASKS",
                "16",
                "SLURM_LOCALID",
                "1",
                "SLURM_JOB_ID",
                "123456",
                "SLURM_STEP_NODELIST",
                "gpu[03-05,9],cpu1"));
        assertEquals(new World(9, 16, 1, "Slurm", Optional.of(new World.Meeting("gpu03", 23456))), slurm);
        assertEquals("n1", World.firstNode("n1,n2"));
        // the script of a batch job is no step of it
        assertEquals(World.ALONE, World.of(Map.of("SLURM_PROCID", "0", "SLURM_NTASKS", "8")));
        assertThrows(UserException.class, () -> World.of(Map.of("RANK", "8", "WORLD_SIZE", "8")));
        assertThrows(UserException.class, () -> World.of(Map.of("RANK", "first", "WORLD_SIZE", "8")));
        for (var patience : List.of("soon", "0.5", "NaN")) {
            var e = assertThrows(
                    UserException.class,
                    () -> Group.connected(torch, Map.of("HESSE_RANK_PATIENCE", patience), (why, code) -> {}));
            assertTrue(String.valueOf(e.getMessage()).startsWith("HESSE_RANK_PATIENCE"), e.getMessage());
        }
    }

    private record Member(Group group, LinkedBlockingQueue<String> ends) {}

    private static List<Member> connect(int size, double patience) throws Exception {
        int port;
        try (var free = new java.net.ServerSocket(0)) {
            port = free.getLocalPort();
        }
        var meeting = Optional.of(new World.Meeting("localhost", port));
        var tasks = new ArrayList<Callable<Member>>();
        for (int r = 0; r < size; r++) {
            var world = new World(r, size, r, "test", meeting);
            var ends = new LinkedBlockingQueue<String>();
            tasks.add(() -> new Member(
                    (Group) Group.connected(
                            world,
                            Map.of("HESSE_RANK_PATIENCE", "" + patience),
                            (why, exitCode) -> ends.add(why + "; exit " + exitCode)),
                    ends));
        }
        return all(tasks);
    }

    private static String end(Member m) throws InterruptedException {
        var why = m.ends.poll(30, TimeUnit.SECONDS);
        return why == null ? "nothing" : why;
    }

    @Test
    void messagesReachAllInOrder() throws Exception {
        var members = connect(3, 20);
        var tasks = new ArrayList<Callable<String>>();
        for (var m : members)
            tasks.add(() -> new String(m.group.fromFirst(("from " + m.group.rank()).getBytes()), "UTF-8"));
        assertEquals(List.of("from 0", "from 0", "from 0"), all(tasks));
        var rounds = new ArrayList<Callable<List<String>>>();
        for (var m : members)
            rounds.add(() -> m.group.fromAll(new byte[m.group.rank() * 70_000]).stream()
                    .map(message -> message.length + " bytes")
                    .toList());
        var each = List.of("0 bytes", "70000 bytes", "140000 bytes");
        assertEquals(List.of(each, each, each), all(rounds));
        var partings = new ArrayList<Callable<Integer>>();
        for (var m : members)
            partings.add(() -> {
                m.group.close();
                return m.ends.size();
            });
        assertEquals(List.of(0, 0, 0), all(partings));
    }

    @Test
    void aRankThatFailsEndsTheOthersAndIsNamed() throws Exception {
        var members = connect(3, 20);
        members.get(2).group.fail("disk full", 2);
        for (int r : new int[] {0, 1}) {
            var why = end(members.get(r));
            assertTrue(why.startsWith("rank 2 (") && why.contains("ended: disk full"), why);
            assertTrue(why.endsWith("; exit 2"), why);
        }
    }

    /** A process that lives but does not come on is told from one that has work of its own to do. */
    @Test
    void aRankThatStaysBehindEndsAllAndIsNamed() throws Exception {
        var members = connect(3, 3);
        var released = new CountDownLatch(1);
        var apart = Thread.ofVirtual()
                .start(() -> members.get(0).group.apart(() -> {
                    try {
                        released.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                }));
        for (int r : new int[] {2})
            for (int i = 0; i < 5; i++) members.get(r).group.advance();
        var why = end(members.get(2));
        assertTrue(why.startsWith("rank 1 (") && why.contains("hangs") && why.endsWith("; exit 1"), why);
        assertEquals(why, end(members.get(0)));
        released.countDown();
        apart.join();
    }
}
