import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.apache.spark.sql.catalyst.CurrentUserContext;
import org.apache.spark.sql.catalyst.TableIdentifier;
import org.apache.spark.sql.catalyst.analysis.SQLScalarFunction;
import org.apache.spark.sql.catalyst.catalog.CatalogTable;
import org.apache.spark.sql.catalyst.catalog.HiveTableRelation;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.PlanExpression;
import org.apache.spark.sql.catalyst.plans.logical.Command;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.catalyst.plans.logical.View;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.execution.datasources.LogicalRelation;
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation;

/**
 * A check of Spark's analyzer: refuses what a user of the Thrift door asks beyond what he may read.
 *
 * It sees the analyzed plan, so no spelling hides a table. What is not known here is refused.
 * Spark asks it first with a session, for its rule (itself), then with each plan.
 */
public class ReaderRights extends scala.runtime.AbstractFunction1 {

    // What a query is made of, and the leaves that read nothing. ScriptTransformation, which starts programs,
    // writes and statements that read by themselves are not among them.
    private static final Set NODES = named(
        "Aggregate AsOfJoin CTERelationDef CTERelationRef CommandResult Deduplicate"
        + " DeserializeToObject Distinct EmptyRelation Except Expand Filter Generate GlobalLimit"
        + " Intersect Join LateralJoin LocalLimit LocalRelation Offset OneRowRelation PipeOperator"
        + " Pivot Project Range RebalancePartitions Repartition RepartitionByExpression ResolvedHint"
        + " Sample Sort SubqueryAlias Tail Transpose Union UnionLoop UnionLoopRef Unpivot Window"
        + " WithCTE WithWindowDefinition"
    );
    // Names of schemas, tables, columns and functions are no secret here; rows are.
    private static final Set COMMANDS = named(
        "DescribeColumn DescribeColumnCommand DescribeDatabaseCommand DescribeFunction"
        + " DescribeFunctionCommand DescribeNamespace DescribeQueryCommand DescribeRelation"
        + " DescribeTableCommand ExplainCommand SetCatalogAndNamespace SetNamespaceCommand"
        + " ShowCatalogsCommand ShowColumns ShowColumnsCommand ShowCurrentNamespace"
        + " ShowCurrentNamespaceCommand ShowDeltaTableColumnsCommand ShowFunctions"
        + " ShowFunctionsCommand ShowNamespaces ShowNamespacesCommand ShowTables ShowTablesCommand"
        + " ShowViews ShowViewsCommand"
    );
    // Functions that reach past the tables: the machine's classes and files, the kernels without their model.
    private static final Set FUNCTIONS = named(
        "ApplyFunctionExpression CallMethodViaReflection HiveGenericUDF HiveSimpleUDF PythonUDAF PythonUDF"
        + " ScalaUDAF ScalaUDF SchemaOfXml TryReflect XmlToStructs"
    );

    private final Set owners = new HashSet();
    private final Set readable = new HashSet();
    private final Set callable = new HashSet();

    /** A user with all rights. */
    public void own(String user) {
        owners.add(user);
    }

    /** A schema, or a table as schema.table, that all others may read. */
    public void read(String name) {
        readable.add(name);
    }

    /** A schema whose SQL functions all others may call, whatever these read. */
    public void call(String schema) {
        callable.add(schema);
    }

    public Object apply(Object asked) {
        if (!(asked instanceof LogicalPlan)) {
            return this;
        }
        String user = (String) CurrentUserContext.CURRENT_USER().get();
        if (user != null && user.length() > 0 && !owners.contains(user)) {
            String refused = refusedIn((LogicalPlan) asked);
            if (refused != null && !asksTheEngine()) {
                throw new SecurityException(
                    user + " is none of LAKEHOUSE_GATEWAY_OWNERS and may read marts and reports, and nothing else: "
                    + refused + " is refused."
                );
            }
        }
        return scala.runtime.BoxedUnit.UNIT;
    }

    /** What of a plan this user may not do; null where he may do all of it. */
    private String refusedIn(LogicalPlan plan) {
        String kind = simpleName(plan);
        if (plan instanceof View) {
            // what a view reads was its maker's to say
            View view = (View) plan;
            return view.isTempView() ? "a temporary view" : refusedOf(view.desc());
        }
        if (plan instanceof LogicalRelation) {
            scala.Option table = ((LogicalRelation) plan).catalogTable();
            return table.isEmpty() ? "a file by its path" : refusedOf((CatalogTable) table.get());
        }
        if (plan instanceof DataSourceV2Relation) {
            scala.Option name = ((DataSourceV2Relation) plan).identifier();
            return name.isEmpty() ? "a file by its path" : refusedOf((Identifier) name.get());
        }
        if (plan instanceof HiveTableRelation) {
            return refusedOf(((HiveTableRelation) plan).tableMeta());
        }
        if (plan instanceof Command) {
            return COMMANDS.contains(kind) ? null : "the statement " + kind.replaceAll("Command$", "");
        }
        if (!NODES.contains(kind)) {
            return kind;
        }
        scala.collection.Iterator expressions = plan.expressions().iterator();
        while (expressions.hasNext()) {
            String refused = refusedIn((Expression) expressions.next());
            if (refused != null) {
                return refused;
            }
        }
        scala.collection.Iterator children = plan.children().iterator();
        while (children.hasNext()) {
            String refused = refusedIn((LogicalPlan) children.next());
            if (refused != null) {
                return refused;
            }
        }
        return null;
    }

    private String refusedIn(Expression expression) {
        if (FUNCTIONS.contains(simpleName(expression))) {
            return "the function " + expression.prettyName();
        }
        scala.collection.Iterator parts = expression.children().iterator();
        if (expression instanceof SQLScalarFunction) {
            SQLScalarFunction function = (SQLScalarFunction) expression;
            scala.Option schema = function.function().name().database();
            if (!schema.isEmpty() && callable.contains(schema.get())) {
                parts = function.inputs().iterator();
            }
        }
        while (parts.hasNext()) {
            String refused = refusedIn((Expression) parts.next());
            if (refused != null) {
                return refused;
            }
        }
        if (expression instanceof PlanExpression) {
            Object plan = ((PlanExpression) expression).plan();
            return plan instanceof LogicalPlan ? refusedIn((LogicalPlan) plan) : null;
        }
        return null;
    }

    private String refusedOf(CatalogTable table) {
        TableIdentifier name = table.identifier();
        return refusedOf(name.database().isEmpty() ? "" : (String) name.database().get(), name.table());
    }

    private String refusedOf(Identifier name) {
        String[] schema = name.namespace();
        return refusedOf(schema.length == 1 ? schema[0] : "", name.name());
    }

    private String refusedOf(String schema, String table) {
        String name = (schema + "." + table).toLowerCase();
        return readable.contains(schema.toLowerCase()) || readable.contains(name) ? null : name;
    }

    /**
     * Whether the engine asks for itself: Delta reads its log through queries of its own, and views and
     * subqueries are checked once more by themselves, before the whole that holds them.
     */
    private static boolean asksTheEngine() {
        StackTraceElement[] stack = Thread.currentThread().getStackTrace();
        for (int i = 0; i < stack.length; i++) {
            String place = stack[i].getClassName();
            if (place.startsWith("org.apache.spark.sql.delta.")
                || place.startsWith("org.apache.spark.sql.catalyst.analysis.ViewResolution")
                || stack[i].getMethodName().equals("checkSubqueryExpression")) {
                return true;
            }
        }
        return false;
    }

    private static String simpleName(Object node) {
        String name = node.getClass().getName();
        return name.substring(Math.max(name.lastIndexOf('.'), name.lastIndexOf('$')) + 1);
    }

    private static Set named(String names) {
        return new HashSet(Arrays.asList(names.split(" ")));
    }
}
