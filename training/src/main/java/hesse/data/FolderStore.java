package hesse.data;

import hesse.tensor.RegularFile;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Images in one folder for each class; classes and images are numbered by the order of their names. */
final class FolderStore implements PhotoStore {
    private static final Set<String> ENDINGS = Set.of("jpg", "jpeg", "png", "bmp", "gif", "tif", "tiff");

    private final List<Path> folders;
    private final List<String> names;
    private final String[][] files;
    private final int[] labels;
    /** The first index of each class folder. */
    private final int[] starts;

    private final int classes;

    private FolderStore(List<Path> folders, List<String> names, String[][] files, int[] labels, int classes) {
        this.folders = folders;
        this.names = names;
        this.files = files;
        this.labels = labels;
        this.classes = classes;
        this.starts = new int[files.length + 1];
        for (int k = 0; k < files.length; k++) starts[k + 1] = Math.addExact(starts[k], files[k].length);
    }

    /** Lists a folder whose classes are its own. */
    static FolderStore of(Path folder) {
        var classes = classFolders(folder);
        var names = classes.stream().map(FolderStore::name).toList();
        return open(classes, names);
    }

    /**
     * Lists a folder whose classes are another's, for instance the validation images'.
     *
     * @throws DataException if it has a class that the other one lacks
     */
    static FolderStore of(Path folder, List<String> names) {
        var classes = classFolders(folder);
        for (var c : classes) {
            if (names.contains(name(c))) continue;
            throw DataException.broken(
                    c.toString(),
                    "is a class that the training images lack",
                    "Give both parts the same class folders, by the same names");
        }
        return open(classes, names);
    }

    private static FolderStore open(List<Path> folders, List<String> names) {
        var files = new String[folders.size()][];
        int[] labels = new int[folders.size()];
        for (int k = 0; k < files.length; k++) {
            files[k] = images(folders.get(k));
            labels[k] = names.indexOf(name(folders.get(k)));
        }
        return new FolderStore(folders, names, files, labels, names.size());
    }

    private static List<Path> classFolders(Path folder) {
        var all = list(folder).stream()
                .filter(Files::isDirectory)
                .filter(p -> !name(p).startsWith("."))
                .sorted((a, b) -> name(a).compareTo(name(b)))
                .toList();
        for (var c : all) {
            if (!leadsOut(c, folder)) continue;
            throw DataException.broken(
                    c.toString(),
                    "is a link that leads out of " + folder,
                    "Copy the images there, or name the folder that holds them all");
        }
        if (!all.isEmpty()) return all;
        throw DataException.broken(
                folder.toString(),
                "holds no class folders",
                "Put the images into one folder for each class: " + folder + "/CLASS/IMAGE.jpg");
    }

    /** Whether a link stands for something outside of a folder; the folder itself may be one. */
    private static boolean leadsOut(Path path, Path folder) {
        if (!Files.isSymbolicLink(path)) return false;
        try {
            return !path.toRealPath().startsWith(folder.toRealPath());
        } catch (IOException e) {
            return true;
        }
    }

    private static String[] images(Path folder) {
        var names = list(folder).stream()
                .map(FolderStore::name)
                .filter(FolderStore::isImage)
                .toArray(String[]::new);
        if (names.length == 0) {
            throw DataException.broken(
                    folder.toString(),
                    "is an empty class: it holds no images ("
                            + String.join(", ", ENDINGS.stream().sorted().toList()) + ")",
                    "Put images into it, or remove it");
        }
        Arrays.sort(names);
        return names;
    }

    private static List<Path> list(Path folder) {
        try (var all = Files.newDirectoryStream(folder)) {
            var paths = new ArrayList<Path>();
            all.forEach(paths::add);
            return paths;
        } catch (IOException | java.nio.file.DirectoryIteratorException e) {
            var why = e instanceof FileSystemException f && f.getReason() != null
                    ? f.getReason()
                    : e.getClass().getSimpleName();
            throw DataException.broken(
                    folder.toString(), "cannot be listed (" + why + ")", "Check the folder and its permissions", e);
        }
    }

    private static boolean isImage(String name) {
        int dot = name.lastIndexOf('.');
        return dot > 0 && ENDINGS.contains(name.substring(dot + 1).toLowerCase(Locale.ROOT));
    }

    private static String name(Path path) {
        return String.valueOf(path.getFileName());
    }

    @Override
    public int size() {
        return starts[files.length];
    }

    private int classOf(int index) {
        int k = Arrays.binarySearch(starts, index);
        return k >= 0 ? k : -k - 2;
    }

    private Path file(int index) {
        int k = classOf(index);
        return folders.get(k).resolve(files[k][index - starts[k]]);
    }

    @Override
    public byte[] read(int index) throws IOException {
        var file = file(index);
        var folder = folders.get(classOf(index));
        var root = folder.getParent();
        if (leadsOut(file, root == null ? folder : root))
            throw new IOException("it is a link that leads out of " + root);
        long size = Files.size(RegularFile.require(file));
        if (size > MOST_BYTES) throw new IOException("it has " + size + " bytes, an image at most " + MOST_BYTES);
        return Files.readAllBytes(file);
    }

    @Override
    public String name(int index) {
        return file(index).toString();
    }

    @Override
    public int label(int index) {
        return labels[classOf(index)];
    }

    @Override
    public List<String> classNames() {
        return names;
    }

    @Override
    public int classes() {
        return classes;
    }
}
