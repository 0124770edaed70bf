package hesse.run;

import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.AccessMode;
import java.nio.file.CopyOption;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.StandardOpenOption;
import java.nio.file.WatchService;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.spi.FileSystemProvider;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A file system over the real one that counts everything that changes the disk, and lets one such thing fail, or end the process, or the
 * machine. Paths made by {@link #path} stay within it.
 */
final class FaultyDisk {
    /** What happens at the chosen change. */
    enum Fault {
        /** It fails, as on a full disk; what comes after it works again. */
        REFUSED,
        /** A write stops half-way and fails; anything else fails as with {@link #REFUSED}. */
        CUT_SHORT,
        /** A write stops half-way, and nothing after it reaches the disk: the process was killed. */
        KILLED,
        /** As {@link #KILLED}, and files that were not forced to the disk lose their second half: the power failed. */
        POWER_CUT,
        /** It and whatever comes after it fails: the disk was mounted anew, for reading only. */
        READ_ONLY
    }

    private final Fault fault;
    private final long at;
    /** Files with writes that were not forced, and how long each was when the first of them came. */
    private final Map<Path, Long> unforced = new HashMap<>();

    private final Provider provider = new Provider();
    private final Whole whole = new Whole();
    private long changes;
    private boolean dead;
    private long room = Long.MAX_VALUE;
    private boolean mounted = true;

    /** @param at the change it happens at, counted from 1; 0 for never */
    FaultyDisk(Fault fault, long at) {
        this.fault = fault;
        this.at = at;
    }

    Path path(Path real) {
        return new Inside(real);
    }

    /** Lets the disk claim so much free space. */
    void room(long bytes) {
        room = bytes;
    }

    /** Makes it a disk that the table of mounts does not have, as under a changed root. */
    void unmounted() {
        mounted = false;
    }

    synchronized long changes() {
        return changes;
    }

    /** Counts a change; true if this one is to stop half-way. */
    private synchronized boolean change(String what) throws IOException {
        if (dead) throw failure(what);
        if (++changes != at) return false;
        dead = fault == Fault.KILLED || fault == Fault.POWER_CUT || fault == Fault.READ_ONLY;
        if (dead && fault == Fault.POWER_CUT) {
            for (var entry : unforced.entrySet()) {
                var file = entry.getKey();
                if (!Files.exists(file)) continue;
                try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.truncate(Math.max(entry.getValue(), channel.size() / 2));
                }
            }
        }
        if (!what.equals("write") || fault == Fault.REFUSED || fault == Fault.READ_ONLY) throw failure(what);
        return true;
    }

    private IOException failure(String what) {
        return new FileSystemException(what, null, reason());
    }

    /** What the system says. */
    String reason() {
        return fault == Fault.READ_ONLY ? "Read-only file system" : "No space left on device";
    }

    private synchronized void forced(Path file) {
        unforced.remove(file);
    }

    private synchronized void renamed(Path from, Path to) {
        var length = unforced.remove(from);
        if (length != null) unforced.put(to, length);
    }

    private static Path real(Path p) {
        return p instanceof Inside i ? i.real : p;
    }

    /** A path within. */
    private final class Inside implements Path {
        private final Path real;

        Inside(Path real) {
            this.real = real;
        }

        private Path in(Path p) {
            return p == null ? null : new Inside(p);
        }

        @Override
        public FileSystem getFileSystem() {
            return whole;
        }

        @Override
        public boolean isAbsolute() {
            return real.isAbsolute();
        }

        @Override
        public Path getRoot() {
            return in(real.getRoot());
        }

        @Override
        public Path getFileName() {
            return in(real.getFileName());
        }

        @Override
        public Path getParent() {
            return in(real.getParent());
        }

        @Override
        public int getNameCount() {
            return real.getNameCount();
        }

        @Override
        public Path getName(int index) {
            return in(real.getName(index));
        }

        @Override
        public Path subpath(int begin, int end) {
            return in(real.subpath(begin, end));
        }

        @Override
        public boolean startsWith(Path other) {
            return real.startsWith(real(other));
        }

        @Override
        public boolean endsWith(Path other) {
            return real.endsWith(real(other));
        }

        @Override
        public Path normalize() {
            return in(real.normalize());
        }

        @Override
        public Path resolve(Path other) {
            return in(real.resolve(real(other)));
        }

        @Override
        public Path relativize(Path other) {
            return in(real.relativize(real(other)));
        }

        @Override
        public URI toUri() {
            return real.toUri();
        }

        @Override
        public Path toAbsolutePath() {
            return in(real.toAbsolutePath());
        }

        @Override
        public Path toRealPath(LinkOption... options) throws IOException {
            return in(real.toRealPath(options));
        }

        @Override
        public java.nio.file.WatchKey register(
                WatchService watcher,
                java.nio.file.WatchEvent.Kind<?>[] events,
                java.nio.file.WatchEvent.Modifier... modifiers) {
            throw new UnsupportedOperationException();
        }

        @Override
        public int compareTo(Path other) {
            return real.compareTo(real(other));
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Inside i && real.equals(i.real);
        }

        @Override
        public int hashCode() {
            return real.hashCode();
        }

        @Override
        public String toString() {
            return real.toString();
        }
    }

    /** The file system as a whole. */
    private final class Whole extends FileSystem {
        @Override
        public FileSystemProvider provider() {
            return provider;
        }

        @Override
        public void close() {}

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public boolean isReadOnly() {
            return false;
        }

        @Override
        public String getSeparator() {
            return "/";
        }

        @Override
        public Iterable<Path> getRootDirectories() {
            return List.of(path(Path.of("/")));
        }

        @Override
        public Iterable<FileStore> getFileStores() {
            return List.of();
        }

        @Override
        public Set<String> supportedFileAttributeViews() {
            return Set.of("basic");
        }

        @Override
        public Path getPath(String first, String... more) {
            return path(Path.of(first, more));
        }

        @Override
        public PathMatcher getPathMatcher(String syntaxAndPattern) {
            throw new UnsupportedOperationException();
        }

        @Override
        public UserPrincipalLookupService getUserPrincipalLookupService() {
            throw new UnsupportedOperationException();
        }

        @Override
        public WatchService newWatchService() {
            throw new UnsupportedOperationException();
        }
    }

    /** Counts, and passes on. */
    private final class Provider extends FileSystemProvider {
        @Override
        public String getScheme() {
            return "faulty";
        }

        @Override
        public FileSystem newFileSystem(URI uri, Map<String, ?> env) {
            throw new UnsupportedOperationException();
        }

        @Override
        public FileSystem getFileSystem(URI uri) {
            return whole;
        }

        @Override
        public Path getPath(URI uri) {
            return path(Path.of(uri));
        }

        @Override
        public FileChannel newFileChannel(Path p, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
                throws IOException {
            boolean writes = options.contains(StandardOpenOption.WRITE) || options.contains(StandardOpenOption.APPEND);
            if (writes) change("open");
            return new Channel(real(p), FileChannel.open(real(p), options, attributes));
        }

        @Override
        public SeekableByteChannel newByteChannel(
                Path p, Set<? extends OpenOption> options, FileAttribute<?>... attributes) throws IOException {
            return newFileChannel(p, options, attributes);
        }

        @Override
        public DirectoryStream<Path> newDirectoryStream(Path p, DirectoryStream.Filter<? super Path> filter)
                throws IOException {
            var all = Files.newDirectoryStream(real(p));
            return new DirectoryStream<>() {
                @Override
                public java.util.Iterator<Path> iterator() {
                    var names = all.iterator();
                    return new java.util.Iterator<>() {
                        @Override
                        public boolean hasNext() {
                            return names.hasNext();
                        }

                        @Override
                        public Path next() {
                            return path(names.next());
                        }
                    };
                }

                @Override
                public void close() throws IOException {
                    all.close();
                }
            };
        }

        @Override
        public void createDirectory(Path p, FileAttribute<?>... attributes) throws IOException {
            if (Files.exists(real(p))) throw new java.nio.file.FileAlreadyExistsException(p.toString());
            change("mkdir");
            Files.createDirectory(real(p), attributes);
        }

        @Override
        public void delete(Path p) throws IOException {
            if (!Files.exists(real(p))) throw new java.nio.file.NoSuchFileException(p.toString());
            synchronized (FaultyDisk.this) {
                change("delete");
                Files.delete(real(p));
                forced(real(p));
            }
        }

        @Override
        public void copy(Path source, Path target, CopyOption... options) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void move(Path source, Path target, CopyOption... options) throws IOException {
            synchronized (FaultyDisk.this) {
                change("rename");
                Files.move(real(source), real(target), options);
                renamed(real(source), real(target));
            }
        }

        @Override
        public boolean isSameFile(Path a, Path b) throws IOException {
            return Files.isSameFile(real(a), real(b));
        }

        @Override
        public boolean isHidden(Path p) throws IOException {
            return Files.isHidden(real(p));
        }

        @Override
        public FileStore getFileStore(Path p) throws IOException {
            if (!mounted) throw new IOException("Mount point not found");
            var store = Files.getFileStore(real(p));
            return new FileStore() {
                @Override
                public String name() {
                    return store.name();
                }

                @Override
                public String type() {
                    return store.type();
                }

                @Override
                public boolean isReadOnly() {
                    return store.isReadOnly();
                }

                @Override
                public long getTotalSpace() throws IOException {
                    return store.getTotalSpace();
                }

                @Override
                public long getUsableSpace() throws IOException {
                    return Math.min(room, store.getUsableSpace());
                }

                @Override
                public long getUnallocatedSpace() throws IOException {
                    return store.getUnallocatedSpace();
                }

                @Override
                public boolean supportsFileAttributeView(Class<? extends FileAttributeView> type) {
                    return store.supportsFileAttributeView(type);
                }

                @Override
                public boolean supportsFileAttributeView(String name) {
                    return store.supportsFileAttributeView(name);
                }

                @Override
                public <V extends java.nio.file.attribute.FileStoreAttributeView> V getFileStoreAttributeView(
                        Class<V> type) {
                    return store.getFileStoreAttributeView(type);
                }

                @Override
                public Object getAttribute(String attribute) throws IOException {
                    return store.getAttribute(attribute);
                }
            };
        }

        @Override
        public void checkAccess(Path p, AccessMode... modes) throws IOException {
            real(p).getFileSystem().provider().checkAccess(real(p), modes);
        }

        @Override
        public <V extends FileAttributeView> V getFileAttributeView(Path p, Class<V> type, LinkOption... options) {
            return Files.getFileAttributeView(real(p), type, options);
        }

        @Override
        public <A extends BasicFileAttributes> A readAttributes(Path p, Class<A> type, LinkOption... options)
                throws IOException {
            return Files.readAttributes(real(p), type, options);
        }

        @Override
        public Map<String, Object> readAttributes(Path p, String attributes, LinkOption... options) throws IOException {
            return Files.readAttributes(real(p), attributes, options);
        }

        @Override
        public void setAttribute(Path p, String attribute, Object value, LinkOption... options) {
            throw new UnsupportedOperationException();
        }
    }

    /** An open file. */
    private final class Channel extends FileChannel {
        private final Path file;
        private final FileChannel real;

        Channel(Path file, FileChannel real) {
            this.file = file;
            this.real = real;
        }

        @Override
        public int read(ByteBuffer into) throws IOException {
            return real.read(into);
        }

        @Override
        public long read(ByteBuffer[] into, int offset, int length) throws IOException {
            return real.read(into, offset, length);
        }

        @Override
        public int read(ByteBuffer into, long position) throws IOException {
            return real.read(into, position);
        }

        @Override
        public int write(ByteBuffer from) throws IOException {
            // at once with being counted: nothing may be written after the end that another thread brought about
            synchronized (FaultyDisk.this) {
                boolean half = change("write");
                unforced.putIfAbsent(file, real.size());
                if (!half) return real.write(from);
                real.write(from.slice(from.position(), from.remaining() / 2));
                throw failure("write");
            }
        }

        @Override
        public long write(ByteBuffer[] from, int offset, int length) {
            throw new UnsupportedOperationException();
        }

        @Override
        public int write(ByteBuffer from, long position) {
            throw new UnsupportedOperationException();
        }

        @Override
        public long position() throws IOException {
            return real.position();
        }

        @Override
        public FileChannel position(long position) throws IOException {
            real.position(position);
            return this;
        }

        @Override
        public long size() throws IOException {
            return real.size();
        }

        @Override
        public FileChannel truncate(long size) throws IOException {
            synchronized (FaultyDisk.this) {
                change("truncate");
                real.truncate(size);
                return this;
            }
        }

        @Override
        public void force(boolean metadata) throws IOException {
            if (Files.isDirectory(file)) return;
            synchronized (FaultyDisk.this) {
                change("force");
                real.force(metadata);
                forced(file);
            }
        }

        @Override
        public long transferTo(long position, long count, WritableByteChannel target) {
            throw new UnsupportedOperationException();
        }

        @Override
        public long transferFrom(ReadableByteChannel from, long position, long count) {
            throw new UnsupportedOperationException();
        }

        @Override
        public MappedByteBuffer map(MapMode mode, long position, long size) {
            throw new UnsupportedOperationException();
        }

        @Override
        public FileLock lock(long position, long size, boolean shared) throws IOException {
            return real.lock(position, size, shared);
        }

        @Override
        public FileLock tryLock(long position, long size, boolean shared) throws IOException {
            return real.tryLock(position, size, shared);
        }

        @Override
        protected void implCloseChannel() throws IOException {
            real.close();
        }
    }
}
