/* Walks the trees of an ensemble: what onnxruntime's TreeEnsemble does, to the bit, several times faster.

A forest is slow where each step of a walk waits for the one before: a mispredicted branch, a node that is in no near cache.
Here a step has no branch, EIGHT rows walk one tree side by side, and a tree's nodes (16 bytes each) stay near while all rows
of a block pass. A condition x == value, which trees over categories have, is asked once for each row and not at each node:
it becomes a column of its own, 0 where it holds and 1 where not. Sums are made tree by tree for each row, in the order of
the trees, as onnxruntime makes them. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EIGHT 8
#define BLOCK 64   /* rows that pass one tree before the next: their values and sums stay near, too */
#define STEPS 4    /* of a walk between looks at whether all rows have arrived */
#define DEEPEST 4096
#define INNER 1    /* the node has children */
#define MISSING 2  /* a missing value goes where a true condition goes */

typedef struct {
    double value;     /* inner: goes left where x <= value; leaf: its weight */
    int32_t left;     /* the node of a true condition, that of a false one follows; of a leaf: the leaf itself */
    uint16_t feature; /* of a leaf 0 */
    uint16_t flags;
} Node;

typedef struct {
    double value;
    int32_t column;
} Equality;

typedef struct {
    Py_ssize_t columns, targets, trees, count, equalities, room, width; /* width: columns and equalities */
    Equality *asked;
    double *block; /* BLOCK rows with their equalities; the interpreter's lock is held while it is in use */
    Node *nodes;
    int32_t *roots, *depths, *target; /* target: of each node, where a leaf's weight is added */
} Forest;

static void discard(Forest *forest) {
    free(forest->asked), free(forest->block), free(forest->nodes), free(forest->roots), free(forest->depths), free(forest->target), free(forest);
}

static void discard_capsule(PyObject *capsule) { discard(PyCapsule_GetPointer(capsule, "forest")); }

/* What one row does at one node; a leaf leads to itself. */
static inline int32_t step(const Node *nodes, int32_t at, const double *row) {
    const Node *node = nodes + at;
    double x = row[node->feature];
    const int flags = node->flags, met = (x <= node->value) | ((x != x) & flags >> 1);
    return node->left + (flags & ~met & INNER);
}

static void walk_tree(const Forest *forest, Py_ssize_t tree, const double *x, Py_ssize_t rows, double *sums) {
    const Node *nodes = forest->nodes;
    const int32_t root = forest->roots[tree], depth = forest->depths[tree];
    for (Py_ssize_t first = 0; first < rows; first += EIGHT) {
        const int lanes = rows - first < EIGHT ? (int)(rows - first) : EIGHT;
        const double *row[EIGHT];
        int32_t at[EIGHT];
        for (int i = 0; i < EIGHT; i++) {
            row[i] = x + (first + (i < lanes ? i : 0)) * forest->width;
            at[i] = root;
        }
        for (int32_t level = 0; level < depth; level += STEPS) {
            for (int k = 0; k < STEPS; k++)
                for (int i = 0; i < EIGHT; i++) at[i] = step(nodes, at[i], row[i]);
            int inner = 0;
            for (int i = 0; i < EIGHT; i++) inner |= nodes[at[i]].flags & INNER;
            if (!inner) break;
        }
        for (int i = 0; i < lanes; i++)
            sums[(first + i) * forest->targets + forest->target[at[i]]] += nodes[at[i]].value;
    }
}

/* A few rows, one after the other: EIGHT trees side by side. */
static void walk_row(const Forest *forest, const double *x, double *sums) {
    const Node *nodes = forest->nodes;
    for (Py_ssize_t first = 0; first < forest->trees; first += EIGHT) {
        const int lanes = forest->trees - first < EIGHT ? (int)(forest->trees - first) : EIGHT;
        int32_t at[EIGHT], depth = 0;
        for (int i = 0; i < EIGHT; i++) {
            const Py_ssize_t tree = first + (i < lanes ? i : 0);
            at[i] = forest->roots[tree];
            if (forest->depths[tree] > depth) depth = forest->depths[tree];
        }
        for (int32_t level = 0; level < depth; level += STEPS) {
            for (int k = 0; k < STEPS; k++)
                for (int i = 0; i < EIGHT; i++) at[i] = step(nodes, at[i], x);
            int inner = 0;
            for (int i = 0; i < EIGHT; i++) inner |= nodes[at[i]].flags & INNER;
            if (!inner) break;
        }
        for (int i = 0; i < lanes; i++) sums[forest->target[at[i]]] += nodes[at[i]].value;
    }
}

/* Rows of a block as the nodes ask for them. */
static const double *with_equalities(const Forest *forest, const double *x, Py_ssize_t rows) {
    if (!forest->equalities) return x;
    for (Py_ssize_t i = 0; i < rows; i++, x += forest->columns) {
        double *row = forest->block + i * forest->width;
        memcpy(row, x, forest->columns * sizeof(double));
        for (Py_ssize_t k = 0; k < forest->equalities; k++) {
            const double asked = x[forest->asked[k].column];
            row[forest->columns + k] = asked != asked ? asked : asked == forest->asked[k].value ? 0.0 : 1.0;
        }
    }
    return forest->block;
}

PyDoc_STRVAR(walk_doc, "walk(forest, rows, sums): float64 rows (n, columns) and sums (n, targets), which are added to.");

static PyObject *walk(PyObject *module, PyObject *const *given, Py_ssize_t count) {
    if (count != 3) return PyErr_SetString(PyExc_TypeError, "walk takes a forest, rows and sums"), NULL;
    Forest *forest = PyCapsule_GetPointer(given[0], "forest");
    if (!forest) return NULL;
    Py_buffer x, sums;
    if (PyObject_GetBuffer(given[1], &x, PyBUF_C_CONTIGUOUS)) return NULL;
    if (PyObject_GetBuffer(given[2], &sums, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)) {
        PyBuffer_Release(&x);
        return NULL;
    }
    const Py_ssize_t width = forest->columns * (Py_ssize_t)sizeof(double), rows = x.len / width;
    PyObject *done = Py_None;
    if (x.len != rows * width || sums.len != rows * forest->targets * (Py_ssize_t)sizeof(double)) {
        PyErr_SetString(PyExc_ValueError, "rows and sums are not of this forest's shape");
        done = NULL;
    }
    for (Py_ssize_t first = 0; done && first < rows; first += BLOCK) {
        const Py_ssize_t some = rows - first < BLOCK ? rows - first : BLOCK;
        const double *block = with_equalities(forest, (double *)x.buf + first * forest->columns, some);
        double *into = (double *)sums.buf + first * forest->targets;
        if (some < EIGHT)
            for (Py_ssize_t row = 0; row < some; row++)
                walk_row(forest, block + row * forest->width, into + row * forest->targets);
        else
            for (Py_ssize_t tree = 0; tree < forest->trees; tree++) walk_tree(forest, tree, block, some, into);
    }
    PyBuffer_Release(&x), PyBuffer_Release(&sums);
    return Py_XNewRef(done);
}

typedef struct {
    Py_buffer buffer;
    Py_ssize_t length;
} Array;

enum { FEATURES, SPLITS, TRUES, FALSES, TRUE_LEAFS, FALSE_LEAFS, MISSINGS, EQUALS, TARGETS, WEIGHTS, ROOTS, ARRAYS };

#define INTEGER(array, i) (((const int64_t *)arrays[array].buffer.buf)[i])
#define NUMBER(array, i) (((const double *)arrays[array].buffer.buf)[i])

typedef struct {
    int64_t source;
    int32_t place, depth;
    int leaf;
} Todo;

static int wrong(const char *what) {
    PyErr_SetString(PyExc_ValueError, what);
    return -1;
}

/* The column in which it stands whether a column has this value; -1 where there is no room for another. */
static int32_t equality(Forest *forest, int32_t column, double value) {
    for (Py_ssize_t k = 0; k < forest->equalities; k++)
        if (forest->asked[k].column == column && forest->asked[k].value == value) return (int32_t)(forest->columns + k);
    if (forest->columns + forest->equalities >= UINT16_MAX) return -1;
    if (forest->equalities == forest->room) {
        const Py_ssize_t room = 2 * forest->room + 16;
        Equality *larger = realloc(forest->asked, room * sizeof(Equality));
        if (!larger) return -1;
        forest->asked = larger, forest->room = room;
    }
    forest->asked[forest->equalities++] = (Equality){value, column};
    return (int32_t)(forest->columns + forest->equalities - 1);
}

/* Lay out the trees, children side by side; every index is looked at here, so that no walk has to. */
static int lay_out(Forest *forest, const Array *arrays, Todo *stack, Py_ssize_t room) {
    const Py_ssize_t inner = arrays[FEATURES].length, leaves = arrays[WEIGHTS].length;
    for (Py_ssize_t tree = 0; tree < forest->trees; tree++) {
        Py_ssize_t waiting = 0;
        if (forest->count >= room) return wrong("its trees share nodes");
        forest->roots[tree] = (int32_t)forest->count;
        /* A tree of one leaf is told as a node whose branches both lead to that leaf. */
        stack[waiting++] = (Todo){INTEGER(ROOTS, tree), (int32_t)forest->count++, 0, 0};
        while (waiting) {
            const Todo todo = stack[--waiting];
            Node *node = forest->nodes + todo.place;
            if (todo.depth > DEEPEST) return wrong("its trees are too deep, or lead back to themselves");
            if (todo.source < 0 || todo.source >= (todo.leaf ? leaves : inner)) return wrong("a node leads nowhere");
            if (todo.leaf) {
                const int64_t target = INTEGER(TARGETS, todo.source);
                if (target < 0 || target >= forest->targets) return wrong("a leaf has no target");
                *node = (Node){NUMBER(WEIGHTS, todo.source), todo.place, 0, 0};
                forest->target[todo.place] = (int32_t)target;
                continue;
            }
            const int64_t feature = INTEGER(FEATURES, todo.source);
            if (feature < 0 || feature >= forest->columns) return wrong("a node asks for a column that is not there");
            if (forest->count + 2 > room) return wrong("its trees share nodes");
            const int32_t left = (int32_t)forest->count;
            const int missing = arrays[MISSINGS].length && INTEGER(MISSINGS, todo.source) ? MISSING : 0;
            int32_t asked = (int32_t)feature;
            double split = NUMBER(SPLITS, todo.source);
            if (arrays[EQUALS].length && INTEGER(EQUALS, todo.source)) {
                if ((asked = equality(forest, asked, split)) < 0) return wrong("it asks for too many values");
                split = 0.5;
            }
            forest->count += 2;
            *node = (Node){split, left, (uint16_t)asked, INNER | missing};
            if (todo.depth + 1 > forest->depths[tree]) forest->depths[tree] = todo.depth + 1;
            stack[waiting++] =
                (Todo){INTEGER(FALSES, todo.source), left + 1, todo.depth + 1, INTEGER(FALSE_LEAFS, todo.source) != 0};
            stack[waiting++] =
                (Todo){INTEGER(TRUES, todo.source), left, todo.depth + 1, INTEGER(TRUE_LEAFS, todo.source) != 0};
        }
    }
    forest->width = forest->columns + forest->equalities;
    if (forest->equalities && !(forest->block = malloc(BLOCK * forest->width * sizeof(double))))
        return wrong("there is no memory for its rows");
    return 0;
}

static Forest *allocate(Py_ssize_t columns, Py_ssize_t targets, Py_ssize_t trees, Py_ssize_t room) {
    Forest *forest = calloc(1, sizeof(Forest));
    if (!forest) return NULL;
    forest->columns = columns, forest->targets = targets, forest->trees = trees;
    forest->nodes = aligned_alloc(64, (room * sizeof(Node) + 63) / 64 * 64);
    forest->target = calloc(room, sizeof(int32_t));
    forest->roots = calloc(trees ? trees : 1, sizeof(int32_t));
    forest->depths = calloc(trees ? trees : 1, sizeof(int32_t));
    if (forest->nodes && forest->target && forest->roots && forest->depths) return forest;
    discard(forest);
    return NULL;
}

static int check_lengths(const Array *arrays) {
    const int alike[] = {SPLITS, TRUES, FALSES, TRUE_LEAFS, FALSE_LEAFS};
    for (size_t i = 0; i < sizeof alike / sizeof *alike; i++)
        if (arrays[alike[i]].length != arrays[FEATURES].length) return wrong("its nodes are not told alike");
    for (int i = MISSINGS; i <= EQUALS; i++)
        if (arrays[i].length && arrays[i].length != arrays[FEATURES].length) return wrong("its nodes are not told alike");
    if (!arrays[ROOTS].length) return wrong("it has no trees");
    return arrays[TARGETS].length == arrays[WEIGHTS].length ? 0 : wrong("its leaves are not told alike");
}

PyDoc_STRVAR(build_doc,
             "build(columns, targets, features, splits, trues, falses, true_leafs, false_leafs, missings, equals, "
             "leaf_targets, leaf_weights, roots)\n\nThe attributes of ONNX's TreeEnsemble as int64 and float64; a\n"
             "condition is x <= split, or where equals is not 0 x == split. Weights are summed.\n"
             "Raises ValueError for what is no forest.");

static PyObject *build(PyObject *module, PyObject *given) {
    Py_ssize_t columns, targets;
    PyObject *objects[ARRAYS];
    if (!PyArg_ParseTuple(given, "nnOOOOOOOOOOO", &columns, &targets, objects, objects + 1, objects + 2, objects + 3,
                          objects + 4, objects + 5, objects + 6, objects + 7, objects + 8, objects + 9, objects + 10))
        return NULL;
    Array arrays[ARRAYS];
    PyObject *made = NULL;
    int held = 0;
    for (; held < ARRAYS; held++) {
        if (PyObject_GetBuffer(objects[held], &arrays[held].buffer, PyBUF_C_CONTIGUOUS)) goto out;
        arrays[held].length = arrays[held].buffer.len / 8;
    }
    if (columns < 1 || columns > UINT16_MAX || targets < 1 || targets > INT32_MAX) {
        wrong("it has too few or too many columns or targets");
        goto out;
    }
    if (check_lengths(arrays)) goto out;
    /* Each node once, and each leaf once for each branch that leads to it; one tree needs its root. */
    const Py_ssize_t room = 2 * arrays[FEATURES].length + arrays[ROOTS].length;
    if (room > INT32_MAX / 2) {
        wrong("it has too many nodes");
        goto out;
    }
    Forest *forest = allocate(columns, targets, arrays[ROOTS].length, room + 1);
    Todo *stack = malloc((DEEPEST + 2) * 2 * sizeof(Todo));
    if (!forest || !stack) {
        PyErr_NoMemory();
        if (forest) discard(forest);
    } else if (lay_out(forest, arrays, stack, room)) {
        discard(forest);
    } else if (!(made = PyCapsule_New(forest, "forest", discard_capsule))) {
        discard(forest);
    }
    free(stack);
out:
    while (held--) PyBuffer_Release(&arrays[held].buffer);
    return made;
}

PyDoc_STRVAR(integers_doc, "integers(message): the varints of one repeated field, each with its key, as int64 bytes.");

static PyObject *integers(PyObject *module, PyObject *message) {
    Py_buffer given;
    if (PyObject_GetBuffer(message, &given, PyBUF_C_CONTIGUOUS)) return NULL;
    const uint8_t *at = given.buf, *end = at + given.len;
    PyObject *made = PyBytes_FromStringAndSize(NULL, given.len / 2 * 8 + 8);
    Py_ssize_t count = 0;
    while (made && at < end) {
        uint64_t value = 0;
        int shift = 0, more = 1;
        at++; /* the key, a single byte */
        while (at < end && shift < 64 && more) {
            more = *at >> 7;
            value |= (uint64_t)(*at++ & 0x7f) << shift;
            shift += 7;
        }
        if (more) {
            PyErr_SetString(PyExc_ValueError, "it breaks off in a number");
            Py_CLEAR(made);
            break;
        }
        memcpy(PyBytes_AS_STRING(made) + 8 * count++, &value, 8);
    }
    PyBuffer_Release(&given);
    if (made) _PyBytes_Resize(&made, 8 * count);
    return made;
}

static PyMethodDef methods[] = {{"build", build, METH_VARARGS, build_doc},
                                {"walk", (PyCFunction)(void (*)(void))walk, METH_FASTCALL, walk_doc},
                                {"integers", integers, METH_O, integers_doc},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_forest", .m_doc = "Walks the trees of an ensemble.", .m_methods = methods};

PyMODINIT_FUNC PyInit__forest(void) { return PyModule_Create(&definition); }
