package lakehouse;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.SQLContext;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.classic.Dataset;
import org.apache.spark.sql.sources.BaseRelation;
import org.apache.spark.sql.sources.EqualTo;
import org.apache.spark.sql.sources.Filter;
import org.apache.spark.sql.sources.GreaterThan;
import org.apache.spark.sql.sources.GreaterThanOrEqual;
import org.apache.spark.sql.sources.In;
import org.apache.spark.sql.sources.IsNotNull;
import org.apache.spark.sql.sources.PrunedFilteredScan;
import org.apache.spark.sql.sources.SchemaRelationProvider;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * A data source of Spark: the rows of live.minutes as this process holds them.
 *
 * live_rows.py follows the table and says what changed. A question for what a source did since a time is
 * answered here in full, so the code that Spark generates for it has no time in it and is compiled once.
 */
public class LiveRows implements SchemaRelationProvider {

    private static final long MICROS = 1000000L;
    private static final long FRESH_MILLIS = 1000L;
    private static final long PATIENCE_MILLIS = 15000L;
    private static final long WANTED_MILLIS = 10000L;

    // By the table's file that they come from. Replaced as a whole: a question sees one version of the table.
    private static volatile Map files = new HashMap();
    // When the table was last looked at, with all it says held then; and when somebody last asked.
    private static volatile long lookedAt = 0L;
    private static volatile long askedAt = 0L;

    /** Whether anybody asks these days. */
    public static boolean isWanted() {
        return System.currentTimeMillis() - askedAt < WANTED_MILLIS;
    }

    /** Let go of these files, or of all if null, and hold those rows, whose last column names their file. */
    public static void change(Collection gone, Dataset come) {
        Map next = new HashMap();
        if (gone != null) {
            next.putAll(files);
            next.keySet().removeAll(gone);
        }
        int file = come.schema().length() - 1;
        InternalRow[] rows = come.queryExecution().executedPlan().executeCollect();
        for (int i = 0; i < rows.length; i++) {
            String name = rows[i].getUTF8String(file).toString();
            List known = (List) next.get(name);
            if (known == null) {
                known = new ArrayList();
                next.put(name, known);
            }
            known.add(rows[i]);
        }
        files = next;
    }

    /** All that the table said at this time, in milliseconds since 1970, is held. */
    public static void looked(long at) {
        lookedAt = at;
    }

    /** Wait until what is held is a second old at most. */
    private static void await() {
        long asked = System.currentTimeMillis();
        askedAt = asked;
        while (lookedAt < asked - FRESH_MILLIS) {
            if (System.currentTimeMillis() > asked + PATIENCE_MILLIS) {
                throw new IllegalStateException(
                    "live.minutes could not be read for " + PATIENCE_MILLIS / 1000
                    + " s: `lakehouse logs gateway` says why."
                );
            }
            try {
                Thread.sleep(20L);
            } catch (InterruptedException end) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("The question was taken back.", end);
            }
        }
    }

    public BaseRelation createRelation(SQLContext context, scala.collection.immutable.Map options, StructType schema) {
        return new Relation(context, schema);
    }

    /** What Spark asks for rows. */
    public static class Relation extends BaseRelation implements PrunedFilteredScan {

        private final SQLContext context;
        private final StructType schema;

        public Relation(SQLContext context, StructType schema) {
            this.context = context;
            this.schema = schema;
        }

        public SQLContext sqlContext() {
            return context;
        }

        public StructType schema() {
            return schema;
        }

        public boolean needConversion() {
            return false;
        }

        public long sizeInBytes() {
            return 1000000L;
        }

        public Filter[] unhandledFilters(Filter[] filters) {
            List others = new ArrayList();
            for (int i = 0; i < filters.length; i++) {
                if (!isHandled(filters[i])) {
                    others.add(filters[i]);
                }
            }
            return (Filter[]) others.toArray(new Filter[0]);
        }

        public RDD buildScan(String[] columns, Filter[] filters) {
            await();
            int source = schema.fieldIndex("source");
            int minute = schema.fieldIndex("minute_at");
            int[] wanted = new int[columns.length];
            for (int i = 0; i < columns.length; i++) {
                wanted[i] = schema.fieldIndex(columns[i]);
            }
            List found = new ArrayList();
            Iterator each = files.values().iterator();
            while (each.hasNext()) {
                List rows = (List) each.next();
                for (int i = 0; i < rows.size(); i++) {
                    InternalRow row = (InternalRow) rows.get(i);
                    if (holds(filters, row.getUTF8String(source), row.getLong(minute))) {
                        found.add(narrowed(row, wanted));
                    }
                }
            }
            return JavaSparkContext.fromSparkContext(context.sparkContext()).parallelize(found, 1).rdd();
        }

        private InternalRow narrowed(InternalRow row, int[] wanted) {
            Object[] values = new Object[wanted.length];
            for (int i = 0; i < wanted.length; i++) {
                values[i] = row.get(wanted[i], schema.apply(wanted[i]).dataType());
            }
            return new GenericInternalRow(values);
        }

        private static boolean isHandled(Filter filter) {
            if (filter instanceof EqualTo) {
                return ((EqualTo) filter).attribute().equals("source") && ((EqualTo) filter).value() instanceof String;
            }
            if (filter instanceof In) {
                return ((In) filter).attribute().equals("source");
            }
            if (filter instanceof IsNotNull) {
                String column = ((IsNotNull) filter).attribute();
                return column.equals("source") || column.equals("minute_at");
            }
            if (filter instanceof GreaterThan) {
                return ((GreaterThan) filter).attribute().equals("minute_at");
            }
            return filter instanceof GreaterThanOrEqual
                && ((GreaterThanOrEqual) filter).attribute().equals("minute_at");
        }

        /** Whether a row is asked for, by the filters that are handled. */
        private static boolean holds(Filter[] filters, UTF8String source, long minute) {
            for (int i = 0; i < filters.length; i++) {
                Filter filter = filters[i];
                if (!isHandled(filter) || filter instanceof IsNotNull) {
                    continue;
                }
                if (filter instanceof EqualTo && !source.toString().equals(((EqualTo) filter).value())) {
                    return false;
                }
                if (filter instanceof In && !contains(((In) filter).values(), source.toString())) {
                    return false;
                }
                if (filter instanceof GreaterThan && minute <= micros(((GreaterThan) filter).value())) {
                    return false;
                }
                if (filter instanceof GreaterThanOrEqual && minute < micros(((GreaterThanOrEqual) filter).value())) {
                    return false;
                }
            }
            return true;
        }

        private static boolean contains(Object[] values, String source) {
            for (int i = 0; i < values.length; i++) {
                if (source.equals(values[i])) {
                    return true;
                }
            }
            return false;
        }

        /** Microseconds since 1970 of a time, which Spark gives as either class. */
        private static long micros(Object time) {
            Instant at = time instanceof Instant ? (Instant) time : ((java.sql.Timestamp) time).toInstant();
            return at.getEpochSecond() * MICROS + at.getNano() / 1000;
        }
    }
}
