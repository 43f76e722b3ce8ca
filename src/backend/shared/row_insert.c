/*
 * row_insert.c
 *	  Rows into a table as COPY inserts them: many with one WAL record a page, then
 *	  their index entries, then their triggers.
 *
 * What a table needs (its shape) is made once, by the executor's own functions, and kept
 * until an invalidation says that the table, one of its indexes or a function changed.
 * Relations are opened for each call: what is kept holds none, and no reference to
 * their descriptors.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "shared/compat.h"
#include "shared/handler_calls.h"
#include "shared/outbox_append.h"
#include "shared/restores.h"
#include "shared/row_insert.h"

/* Rows that go into the table together. */
#define TOGETHER 256

/* Where the value of a column comes from. */
typedef enum Source
{
	SOURCE_GIVEN, /* or null, when it is not given */
	SOURCE_CONSTANT,
	SOURCE_FUNCTION
} Source;

typedef struct Column
{
	Source source;
	Datum value;
	bool isnull;
	FmgrInfo function;
} Column;

typedef struct RowShape
{
	MemoryContext context;
	Oid relation;
	const char *refusal;	 /* why only a statement will do; NULL: nothing */
	bool stale;				 /* something changed */
	bool busy;				 /* in use, perhaps by whoever runs the trigger that we are in */
	bool row_triggers;		 /* others' */
	bool statement_triggers; /* others' */
	bool others_code;	 /* triggers, constraints, indexes, columns call functions that are not PostgreSQL's or ours */
	bool generates;		 /* columns whose values are made of others', and stored */
	bool notes_restores; /* our own statement trigger is there */
	const char *direction; /* of all rows, where they have one */
	char handlers;		   /* our own row trigger: of 's'tatuses, of 'm'essages; 0: it is not there */
	int *places;		   /* of the columns that rows give */
	int nvalues;		   /* so many they are */
	Column *columns;
	TupleDesc desc;
	EState *estate;
	ResultRelInfo *result;
	int nindexes;
	Oid *indexes;
	List *arbiters; /* the index of the target's "unless" */
	int nslots;
	TupleTableSlot *slots[TOGETHER];
} RowShape;

static WcRowTarget *targets = NULL;

static void
relation_changed(Datum arg, Oid relation)
{
	WcRowTarget *t;
	int i;

	for (t = targets; t != NULL; t = t->next)
	{
		if (t->shape == NULL || t->shape->stale)
			continue;
		t->shape->stale = relation == InvalidOid || relation == t->shape->relation;
		for (i = 0; i < t->shape->nindexes && !t->shape->stale; i++)
			t->shape->stale = relation == t->shape->indexes[i];
	}
}

/* A function: rare, so whichever it is. */
static void
catalog_changed(Datum arg, int cache_id, uint32 hash)
{
	relation_changed((Datum) 0, InvalidOid);
}

static void
list_target(WcRowTarget *target)
{
	if (targets == NULL)
	{
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(PROCOID, catalog_changed, (Datum) 0);
	}
	target->next = targets;
	targets = target;
	target->listed = true;
}

/* Is it that function of webchatt's own? */
static bool
is_ours(Oid function, const char *name)
{
	char *its_name = get_func_name(function);

	return its_name != NULL && strcmp(its_name, name) == 0 &&
		   get_func_namespace(function) == get_namespace_oid("webchatt", true);
}

/* False: there is a trigger that only a statement runs as it is meant. */
static bool
look_at_triggers(RowShape *shape, const TriggerDesc *desc)
{
	int i;

	for (i = 0; desc != NULL && i < desc->numtriggers; i++)
	{
		const Trigger *t = &desc->triggers[i];

		if (!TRIGGER_FOR_INSERT(t->tgtype) || t->tgenabled == TRIGGER_DISABLED)
			continue;
		if (TRIGGER_FOR_ROW(t->tgtype) && !TRIGGER_FOR_AFTER(t->tgtype))
			return false;
		if (TRIGGER_FOR_ROW(t->tgtype) && is_ours(t->tgfoid, "_call_handlers") && t->tgnargs == 1)
			shape->handlers = t->tgargs[0][0];
		else if (TRIGGER_FOR_ROW(t->tgtype))
			shape->row_triggers = true;
		else if (TRIGGER_FOR_AFTER(t->tgtype) && is_ours(t->tgfoid, "_messages_inserted"))
			shape->notes_restores = true;
		else
			shape->statement_triggers = true;
	}
	return true;
}

/* A column that is not given; false: its default is none that we can fill in. */
static bool
look_at_default(RowShape *shape, Relation rel, int at)
{
	Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(rel), at);
	Column *column = &shape->columns[at];
	Node *node;

	column->isnull = true;
	if (attr->attisdropped)
		return true;
	if (attr->attgenerated == ATTRIBUTE_GENERATED_STORED)
		return shape->generates = true;
	if (attr->attgenerated != '\0' || attr->attidentity != '\0' || get_typtype(attr->atttypid) == TYPTYPE_DOMAIN)
		return false;
	node = build_column_default(rel, at + 1);
	if (node == NULL)
		return true;
	node = (Node *) expression_planner((Expr *) node);
	if (IsA(node, Const))
	{
		column->source = SOURCE_CONSTANT;
		column->value = ((Const *) node)->constvalue;
		column->isnull = ((Const *) node)->constisnull;
		return true;
	}
	if (!IsA(node, FuncExpr) || ((FuncExpr *) node)->args != NIL ||
		(((FuncExpr *) node)->funcid != F_NOW && !is_ours(((FuncExpr *) node)->funcid, "_now")))
		return false;
	column->source = SOURCE_FUNCTION;
	column->isnull = false;
	fmgr_info_cxt(((FuncExpr *) node)->funcid, &column->function, shape->context);
	return true;
}

/* False: the column is not there as we know it, or not ours to give. */
static bool
look_at_given(RowShape *shape, Form_pg_attribute attr, const WcRowColumn *given)
{
	Column *column = &shape->columns[attr->attnum - 1];

	if (attr->attgenerated != '\0' || attr->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
		return false;
	if (given->label == NULL)
	{
		shape->places[shape->nvalues++] = attr->attnum - 1;
		return attr->atttypid == given->type && attr->atttypmod < 0;
	}
	if (strcmp(given->name, "direction") == 0)
		shape->direction = given->label;
	column->source = SOURCE_CONSTANT;
	column->value = ObjectIdGetDatum(GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid, ObjectIdGetDatum(attr->atttypid),
													 CStringGetDatum(given->label)));
	return OidIsValid(DatumGetObjectId(column->value));
}

/* False: there is a column that we cannot fill as a statement would. */
static bool
look_at_columns(RowShape *shape, Relation rel, const WcRowTarget *target)
{
	TupleDesc desc = RelationGetDescr(rel);
	bool *given = palloc0(sizeof(bool) * desc->natts);
	int i;

	shape->columns = palloc0(sizeof(Column) * desc->natts);
	shape->places = palloc(sizeof(int) * target->ncolumns);
	for (i = 0; i < target->ncolumns; i++)
	{
		AttrNumber number = get_attnum(shape->relation, target->columns[i].name);

		if (number <= 0 || !look_at_given(shape, TupleDescAttr(desc, number - 1), &target->columns[i]))
			return false;
		given[number - 1] = true;
	}
	for (i = 0; i < desc->natts; i++)
	{
		if (!given[i] && !look_at_default(shape, rel, i))
			return false;
	}
	return true;
}

/* The index that says whether a row is there already; false: there is none that could. */
static bool
look_at_key(RowShape *shape, Relation rel, const WcRowTarget *target)
{
	Oid oid = get_relname_relid(target->unless != NULL ? target->unless : target->key, RelationGetNamespace(rel));
	HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(oid));
	Form_pg_index index;
	bool right;

	if (!HeapTupleIsValid(tuple))
		return false;
	index = (Form_pg_index) GETSTRUCT(tuple);
	right = index->indrelid == RelationGetRelid(rel) && index->indisunique && index->indimmediate && index->indisvalid;
	ReleaseSysCache(tuple);
	if (target->unless != NULL)
		shape->arbiters = list_make1_oid(oid);
	return right;
}

/* Why rows cannot go directly into this table; NULL: they can. */
static const char *
refusal_of(RowShape *shape, Relation rel, const WcRowTarget *target)
{
	if (rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_rel->relam != HEAP_TABLE_AM_OID ||
		rel->rd_rel->relispartition)
		return "it is not a plain table";
	if (rel->rd_rules != NULL)
		return "it has rules";
	if (!look_at_triggers(shape, rel->trigdesc))
		return "it has BEFORE ROW triggers";
	if (!look_at_columns(shape, rel, target))
		return "it has columns that are identities, or defaults beside constants and now()";
	if ((target->unless != NULL || target->key != NULL) && !look_at_key(shape, rel, target))
		return "it has not the index by which a row is known";
	return NULL;
}

static bool
is_others(Oid function, void *context)
{
	return function >= FirstNormalObjectId && !is_ours(function, "hub_message_key") &&
		   !is_ours(function, "visitor_words");
}

static bool
is_others_family(Oid family)
{
	HeapTuple tuple;
	bool ours;

	if (family < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(family));
	if (!HeapTupleIsValid(tuple))
		return true;
	ours = ((Form_pg_opfamily) GETSTRUCT(tuple))->opfnamespace == get_namespace_oid("webchatt", true);
	ReleaseSysCache(tuple);
	return !ours;
}

static bool
calls_others(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return check_functions_in_node(node, is_others, context) || expression_tree_walker(node, calls_others, context);
}

/* Is a value generated by a function of somebody else's? */
static bool
generates_by_others(const RowShape *shape, Relation rel)
{
	int i;

	for (i = 0; shape->generates && i < RelationGetDescr(rel)->natts; i++)
	{
		if (TupleDescAttr(RelationGetDescr(rel), i)->attgenerated == ATTRIBUTE_GENERATED_STORED &&
			calls_others(build_column_default(rel, i + 1), NULL))
			return true;
	}
	return false;
}

/* Does a row's insertion run any function of somebody else's? */
static bool
has_others_code(const RowShape *shape, Relation rel)
{
	int i;

	if (shape->row_triggers || shape->statement_triggers ||
		(RelationGetDescr(rel)->constr != NULL && RelationGetDescr(rel)->constr->num_check > 0) ||
		generates_by_others(shape, rel))
		return true;
	for (i = 0; i < shape->nindexes; i++)
	{
		IndexInfo *info = shape->result->ri_IndexRelationInfo[i];
		Relation index = shape->result->ri_IndexRelationDescs[i];
		int key;

		if (calls_others((Node *) info->ii_Expressions, NULL) || calls_others((Node *) info->ii_Predicate, NULL))
			return true;
		for (key = 0; key < info->ii_NumIndexKeyAttrs; key++)
		{
			if (is_others_family(index->rd_opfamily[key]))
				return true;
		}
	}
	return false;
}

/* What the executor keeps of a table for the time of a statement. */
static void
open_shape(RowShape *shape, Relation rel, bool unless)
{
	MemoryContext outer;
	int i;

	shape->estate = CreateExecutorState();
	outer = MemoryContextSwitchTo(shape->estate->es_query_cxt);
	shape->result = makeNode(ResultRelInfo);
	InitResultRelInfo(shape->result, rel, 0, NULL, 0);
	ExecOpenIndices(shape->result, unless);
	shape->estate->es_opened_result_relations = list_make1(shape->result);
	shape->nindexes = shape->result->ri_NumIndices;
	shape->indexes = palloc(sizeof(Oid) * Max(1, shape->nindexes));
	for (i = 0; i < shape->nindexes; i++)
	{
		shape->indexes[i] = RelationGetRelid(shape->result->ri_IndexRelationDescs[i]);
	}
	shape->others_code = has_others_code(shape, rel);
	/* of a descriptor of our own: a slot holds a reference to a relation's */
	shape->desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));
	shape->result->ri_TrigOldSlot =
		wc_alloc_table_slot(&shape->estate->es_tupleTable, shape->desc, &TTSOpsBufferHeapTuple);
	shape->result->ri_TrigNewSlot =
		wc_alloc_table_slot(&shape->estate->es_tupleTable, shape->desc, &TTSOpsBufferHeapTuple);
	MemoryContextSwitchTo(outer);
}

/* Find out all of a table; its indexes are open then, unless it is refused. */
static RowShape *
make_shape(const WcRowTarget *target, Relation rel)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "webchatt rows", ALLOCSET_SMALL_SIZES);
	MemoryContext outer = MemoryContextSwitchTo(context);
	RowShape *shape = palloc0(sizeof(RowShape));

	shape->context = context;
	shape->relation = RelationGetRelid(rel);
	shape->refusal = refusal_of(shape, rel, target);
	if (shape->refusal != NULL)
		ereport(DEBUG1,
				(errmsg_internal("rows of webchatt.%s are written by statements: %s", target->table, shape->refusal)));
	else
		open_shape(shape, rel, target->unless != NULL);
	MemoryContextSwitchTo(outer);
	return shape;
}

static void
open_indexes(RowShape *shape, Relation rel)
{
	int i;

	shape->result->ri_RelationDesc = rel;
	for (i = 0; i < shape->nindexes; i++)
		shape->result->ri_IndexRelationDescs[i] = index_open(shape->indexes[i], RowExclusiveLock);
}

/* The locks stay until the transaction ends. */
static void
close_indexes(RowShape *shape)
{
	int i;

	for (i = 0; i < shape->nindexes; i++)
	{
		/* what others than B-trees keep of an insertion points to the index; where no row was for it, nothing is kept */
		if (shape->result->ri_IndexRelationInfo[i]->ii_AmCache != NULL &&
			shape->result->ri_IndexRelationDescs[i]->rd_rel->relam != BTREE_AM_OID)
			shape->stale = true;
		wc_index_insert_cleanup(shape->result->ri_IndexRelationDescs[i], shape->result->ri_IndexRelationInfo[i]);
		index_close(shape->result->ri_IndexRelationDescs[i], NoLock);
	}
}

/*
 * What is known of the table, with its indexes open; not that which is in use: then
 * we are in a trigger of its rows.
 */
static RowShape *
shape_of(WcRowTarget *target, Relation rel)
{
	RowShape *shape = target->shape;

	if (shape != NULL && shape->busy)
		return make_shape(target, rel);
	if (shape != NULL && (shape->stale || shape->relation != RelationGetRelid(rel)))
	{
		target->shape = NULL;
		MemoryContextDelete(shape->context);
		shape = NULL;
	}
	if (shape != NULL)
	{
		if (shape->refusal == NULL)
			open_indexes(shape, rel);
		return shape;
	}
	shape = make_shape(target, rel);
	MemoryContextSetParent(shape->context, TopMemoryContext);
	target->shape = shape;
	return shape;
}

/* May this role insert, with nobody and no policy to be asked? */
static bool
role_may(Relation rel, Oid role)
{
	Oid relation = RelationGetRelid(rel);

	return pg_class_aclcheck(relation, role, ACL_INSERT) == ACLCHECK_OK &&
		   (!rel->rd_rel->relrowsecurity || check_enable_rls(relation, role, true) != RLS_ENABLED);
}

static void
fill_slot(RowShape *shape, TupleTableSlot *slot, const Datum *values, const bool *nulls)
{
	int i;

	ExecClearTuple(slot);
	for (i = 0; i < shape->desc->natts; i++)
	{
		Column *column = &shape->columns[i];

		slot->tts_isnull[i] = column->isnull;
		if (column->source == SOURCE_FUNCTION)
			slot->tts_values[i] = FunctionCall0Coll(&column->function, InvalidOid);
		else
			slot->tts_values[i] = column->value;
	}
	for (i = 0; i < shape->nvalues; i++)
	{
		slot->tts_values[shape->places[i]] = values[i];
		slot->tts_isnull[shape->places[i]] = nulls[i];
	}
	ExecStoreVirtualTuple(slot);
	slot->tts_tableOid = shape->relation;
}

/* The rows' index entries, and their triggers noted. */
static void
index_rows(RowShape *shape, int n, bool fires, TransitionCaptureState *capture)
{
	int i;

	for (i = 0; i < n; i++)
	{
		List *recheck;

		CHECK_FOR_INTERRUPTS();
		ResetPerTupleExprContext(shape->estate);
		recheck = wc_insert_index_tuples(shape->result, shape->slots[i], shape->estate);
		if (fires)
			ExecARInsertTriggers(shape->estate, shape->result, shape->slots[i], recheck, capture);
		list_free(recheck);
		ExecClearTuple(shape->slots[i]);
	}
}

/* The row as it goes into the table, checked, in the slot of that number; in the memory for one row. */
static TupleTableSlot *
make_row(RowShape *shape, int i, const Datum *values, const bool *nulls)
{
	MemoryContext outer;

	if (i == shape->nslots)
	{
		outer = MemoryContextSwitchTo(shape->estate->es_query_cxt);
		shape->slots[shape->nslots++] =
			wc_alloc_table_slot(&shape->estate->es_tupleTable, shape->desc, &TTSOpsBufferHeapTuple);
		MemoryContextSwitchTo(outer);
	}
	ResetPerTupleExprContext(shape->estate);
	outer = MemoryContextSwitchTo(GetPerTupleMemoryContext(shape->estate));
	fill_slot(shape, shape->slots[i], values, nulls);
	if (shape->generates)
		ExecComputeStoredGenerated(shape->result, shape->estate, shape->slots[i], CMD_INSERT);
	if (RelationGetDescr(shape->result->ri_RelationDesc)->constr != NULL)
		ExecConstraints(shape->result, shape->slots[i], shape->estate);
	ExecMaterializeSlot(shape->slots[i]);
	MemoryContextSwitchTo(outer);
	return shape->slots[i];
}

static void
insert_together(RowShape *shape, const Datum *values, const bool *nulls, int n)
{
	Relation rel = shape->result->ri_RelationDesc;
	MemoryContext outer;
	int i;

	for (i = 0; i < n; i++)
		(void) make_row(shape, i, values + i * shape->nvalues, nulls + i * shape->nvalues);
	ResetPerTupleExprContext(shape->estate);
	outer = MemoryContextSwitchTo(GetPerTupleMemoryContext(shape->estate));
	if (n == 1)
		table_tuple_insert(rel, shape->slots[0], GetCurrentCommandId(true), 0, NULL);
	else
		table_multi_insert(rel, shape->slots, n, GetCurrentCommandId(true), 0, NULL);
	MemoryContextSwitchTo(outer);
}

/*
 * One row, unless there is one by the arbiter's key, as ON CONFLICT DO NOTHING has it: it is
 * looked for, and who inserts the same key meanwhile is waited for.  False: there is one.
 */
static bool
insert_unless(RowShape *shape, const Datum *values, const bool *nulls, bool fires, TransitionCaptureState *capture)
{
	Relation rel = shape->result->ri_RelationDesc;
	TupleTableSlot *slot = make_row(shape, 0, values, nulls);
	MemoryContext outer = MemoryContextSwitchTo(GetPerTupleMemoryContext(shape->estate));
	List *recheck = NIL;
	bool there;
	bool met = true;

	while (met)
	{
		ItemPointerData conflict;
		uint32 token;

		CHECK_FOR_INTERRUPTS();
		there = !wc_check_index_constraints(shape->result, slot, shape->estate, &conflict, shape->arbiters);
		if (there)
			break;
		met = false;
		token = SpeculativeInsertionLockAcquire(GetCurrentTransactionId());
		table_tuple_insert_speculative(rel, slot, GetCurrentCommandId(true), 0, NULL, token);
		recheck = wc_insert_index_tuples_unless(shape->result, slot, shape->estate, &met, shape->arbiters);
		table_tuple_complete_speculative(rel, slot, token, !met);
		SpeculativeInsertionLockRelease(GetCurrentTransactionId());
	}
	MemoryContextSwitchTo(outer);
	if (!there && fires)
		ExecARInsertTriggers(shape->estate, shape->result, slot, recheck, capture);
	ExecClearTuple(slot);
	return !there;
}

/* As of one statement: its triggers run when all rows are there.  False: a row was there before. */
static bool
insert_all(RowShape *shape, const Datum *values, const bool *nulls, int nrows)
{
	bool rows = shape->row_triggers ||
				(shape->handlers != 0 &&
				 wc_handlers_any(shape->handlers == 's' ? HANDLER_STATUS : HANDLER_MESSAGE, shape->direction));
	bool fires = rows || shape->statement_triggers;
	bool looks = fires || shape->others_code; /* at tables, perhaps at what was written just now */
	TransitionCaptureState *capture = NULL;
	bool written = true;
	int done;
	int n;

	CommandCounterIncrement();
	if (shape->notes_restores)
		wc_note_restore();
	if (looks)
		PushActiveSnapshot(GetTransactionSnapshot());
	if (fires)
	{
		AfterTriggerBeginQuery();
		/* triggers for a row may have a transition table, too */
		capture = MakeTransitionCaptureState(shape->result->ri_TrigDesc, shape->relation, CMD_INSERT);
	}
	if (shape->statement_triggers)
		ExecBSInsertTriggers(shape->estate, shape->result);
	if (shape->arbiters != NIL)
		written = insert_unless(shape, values, nulls, rows || capture != NULL, capture);
	for (done = shape->arbiters != NIL ? nrows : 0; done < nrows; done += n)
	{
		n = Min(nrows - done, TOGETHER);
		insert_together(shape, values + (size_t) done * shape->nvalues, nulls + (size_t) done * shape->nvalues, n);
		index_rows(shape, n, rows || capture != NULL, capture);
	}
	if (shape->statement_triggers)
		ExecASInsertTriggers(shape->estate, shape->result, capture);
	if (fires)
		AfterTriggerEndQuery(shape->estate);
	if (looks)
		PopActiveSnapshot();
	CommandCounterIncrement();
	return written;
}

/* The executor looks them up in the memory of whoever fires them, which does not last. */
static void
forget_trigger_functions(ResultRelInfo *result)
{
	if (result->ri_TrigDesc != NULL)
		memset(result->ri_TrigFunctions, 0, sizeof(FmgrInfo) * result->ri_TrigDesc->numtriggers);
}

/* Nothing of the statement is left in what is kept: no buffer, no relation. */
static void
finish(WcRowTarget *target, RowShape *shape)
{
	ListCell *lc;

	forget_trigger_functions(shape->result);
	foreach (lc, shape->estate->es_tupleTable)
		ExecClearTuple(lfirst(lc));
	ResetPerTupleExprContext(shape->estate);
	close_indexes(shape);
	foreach (lc, shape->estate->es_trig_target_relations)
	{
		table_close(((ResultRelInfo *) lfirst(lc))->ri_RelationDesc, NoLock);
		shape->stale = true;
	}
	shape->busy = false;
	if (target->shape != shape)
		MemoryContextDelete(shape->context);
}

static bool
insert_guarded(RowShape *shape, const Datum *values, const bool *nulls, int nrows)
{
	volatile bool written = false;

	shape->busy = true;
	PG_TRY();
	{
		written = insert_all(shape, values, nulls, nrows);
	}
	PG_CATCH();
	{
		/* its slots hold what the transaction's end lets go of */
		shape->busy = false;
		shape->stale = true;
		PG_RE_THROW();
	}
	PG_END_TRY();
	return written;
}

bool
wc_rows_possible(const WcRowTarget *target)
{
	const RowShape *shape = target->shape;

	if (XactReadOnly || IsInParallelMode() || ExecutorCheckPerms_hook != NULL ||
		(target->unless != NULL && IsolationUsesXactSnapshot()))
		return false;
	return shape == NULL || shape->stale || shape->refusal == NULL;
}

static bool
runs_others(const RowShape *shape)
{
	return shape->others_code ||
		   (shape->handlers != 0 &&
			wc_handlers_any(shape->handlers == 's' ? HANDLER_STATUS : HANDLER_MESSAGE, shape->direction));
}

/* Is the table known as it is now?  If not, finding out may run functions: those of defaults and of indexes. */
static bool
is_known(const WcRowTarget *target, Oid relation)
{
	const RowShape *shape = target->shape;

	return shape != NULL && !shape->stale && !shape->busy && shape->relation == relation;
}

static bool
insert_for(WcRowTarget *target, Oid role, bool only_ours, const Datum *values, const bool *nulls, int nrows)
{
	bool known = target->shape != NULL && !target->shape->stale;
	RowShape *shape;
	Relation rel;
	bool written;

	if (!wc_rows_possible(target))
		return false;
	if (!target->listed)
		list_target(target);
	rel = table_open(known ? target->shape->relation : wc_relation(target->table), RowExclusiveLock);
	shape =
		role_may(rel, role) && (!only_ours || is_known(target, RelationGetRelid(rel))) ? shape_of(target, rel) : NULL;
	if (shape == NULL || shape->refusal != NULL)
	{
		table_close(rel, NoLock);
		return false;
	}
	if (only_ours && runs_others(shape))
	{
		finish(target, shape);
		table_close(rel, NoLock);
		return false;
	}
	Assert(target->unless == NULL || nrows == 1);
	written = insert_guarded(shape, values, nulls, nrows);
	target->there = !written;
	finish(target, shape);
	table_close(rel, NoLock);
	return true;
}

bool
wc_rows_insert(WcRowTarget *target, const Datum *values, const bool *nulls, int nrows)
{
	return insert_for(target, GetUserId(), false, values, nulls, nrows);
}

bool
wc_rows_insert_as(WcRowTarget *target, Oid role, const Datum *values, const bool *nulls, int nrows)
{
	if (target->shape == NULL || target->shape->stale || runs_others(target->shape))
		return false;
	return insert_for(target, role, true, values, nulls, nrows);
}
