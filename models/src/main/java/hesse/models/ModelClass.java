package hesse.models;

import hesse.error.UserException;
import hesse.error.UserException.Kind;
import hesse.nn.Loss;
import hesse.nn.Model;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A model that a user wrote, found by its class's name in jars or folders. The class is public, implements {@link Model} and has a
 * public constructor that takes the number of classes, or none.
 */
public final class ModelClass {
    private ModelClass() {}

    /**
     * An instance; its class stays loaded as long as the program runs.
     *
     * @param name full name of the class, {@code example.SmallResidual}
     * @param classpath jars and folders it and what it needs are in, besides this program
     * @param classes how many classes the data set has
     * @throws UserException (usage) if there is no such class or it is not as it should be, (runtime) if its constructor fails
     */
    public static Model load(String name, List<Path> classpath, int classes) {
        Class<?> type = find(name, classpath);
        if (!Model.class.isAssignableFrom(type)) {
            throw usage(name, "does not implement " + Model.class.getName(), "");
        }
        Constructor<?> counted = constructor(type, int.class);
        Constructor<?> plain = constructor(type);
        try {
            if (counted != null) return (Model) counted.newInstance(classes);
            if (plain != null) return (Model) plain.newInstance();
        } catch (InvocationTargetException e) {
            throw new UserException(
                    Kind.RUNTIME, "class " + name, "its constructor failed: " + e.getCause(), "", e.getCause());
        } catch (ReflectiveOperationException e) {
            throw usage(name, "cannot be made: " + e, "Make the class and its constructor public");
        }
        throw usage(
                name,
                "has no public constructor (int classes) or ()",
                "Add one; what else the model needs can be fields with values");
    }

    /** Whether the class is a loss too. */
    public static boolean isLoss(String name, List<Path> classpath) {
        return Loss.class.isAssignableFrom(find(name, classpath));
    }

    private static Class<?> find(String name, List<Path> classpath) {
        var urls = new URL[classpath.size()];
        for (int i = 0; i < urls.length; i++) {
            if (!Files.exists(classpath.get(i))) {
                throw new UserException(Kind.USAGE, classpath.get(i).toString(), "there is no such jar or folder", "");
            }
            try {
                urls[i] = classpath.get(i).toUri().toURL();
            } catch (MalformedURLException e) {
                throw new UserException(Kind.USAGE, classpath.get(i).toString(), "is no usable path", "", e);
            }
        }
        // never closed: a class loads others when it first needs them
        var loader = new URLClassLoader(urls, ModelClass.class.getClassLoader());
        try {
            return Class.forName(name, true, loader);
        } catch (ClassNotFoundException e) {
            close(loader);
            throw usage(
                    name, "is not in " + (classpath.isEmpty() ? "this program" : classpath), "Give its jar or folder");
        } catch (LinkageError e) {
            throw usage(name, "cannot be loaded: " + e, "Compile it against this version");
        }
    }

    private static void close(URLClassLoader loader) {
        try {
            loader.close();
        } catch (IOException e) {
            // nothing was read from it that is still needed
        }
    }

    private static @Nullable Constructor<?> constructor(Class<?> type, Class<?>... parameters) {
        try {
            return type.getConstructor(parameters);
        } catch (NoSuchMethodException e) {
            return null;
        }
    }

    private static UserException usage(String name, String what, String remedy) {
        return new UserException(Kind.USAGE, "class " + name, what, remedy);
    }
}
