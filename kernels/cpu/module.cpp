// vsr._cpu: image kernels for the CPU. Signatures and meaning: vsr/_cpu.pyi.
#include "boundary.hpp"
#include "bands.hpp"
#include "net_owned.hpp"
#include "filters_boundary.hpp"

#include <atomic>
#include <cstring>
#include <new>

namespace vsr {
namespace {

std::vector<const Kernels*> available() {
    std::vector<const Kernels*> tables;
#ifdef VSR_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        tables.push_back(&kernels_avx512);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) tables.push_back(&kernels_avx2);
#endif
    tables.push_back(&kernels_plain);
    return tables;
}

std::atomic<const Kernels*> active{available().front()};

PyObject* isas(PyObject*, PyObject*) {
    const auto tables = available();
    PyObject* names = PyTuple_New(Py_ssize_t(tables.size()));
    for (std::size_t i = 0; names && i < tables.size(); ++i)
        PyTuple_SetItem(names, Py_ssize_t(i), PyUnicode_FromString(tables[i]->name));
    return names;
}

PyObject* isa(PyObject*, PyObject*) { return PyUnicode_FromString(active.load()->name); }

PyObject* use_isa(PyObject*, PyObject* args) {
    const char* name;
    if (!PyArg_ParseTuple(args, "s", &name)) return nullptr;
    for (const Kernels* table : available()) {
        if (std::strcmp(table->name, name) != 0) continue;
        active = table;
        Py_RETURN_NONE;
    }
    return PyErr_Format(PyExc_ValueError, "this processor does not run %s", name);
}

// Do work without the interpreter's lock; None, or null with MemoryError set.
template <class Work>
PyObject* released(const Work& work) {
    bool enough = true;
    PyThreadState* state = PyEval_SaveThread();
    try {
        work();
    } catch (const std::bad_alloc&) {
        enough = false;
    }
    PyEval_RestoreThread(state);
    if (!enough) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

template <class Job>
PyObject* run_resize(const Job& job, void (*kernel)(const Job&, int, int, float*), int threads) {
    return released([&] {
        in_bands(job.dst.height, 1, threads, resize_scratch(job),
                 [&](int first, int last, float* scratch) { kernel(job, first, last, scratch); });
    });
}

PyObject* resize(PyObject*, PyObject* args) {
    PyObject *source, *target, *columns, *rows;
    float bias, top;
    int threads;
    if (!PyArg_ParseTuple(args, "OOOOffi", &source, &target, &columns, &rows, &bias, &top, &threads)) return nullptr;
    HeldPlane src, dst;
    if (!src.take(source, false) || !dst.take(target, true)) return nullptr;
    const ResizeJob job{src.plane, dst.plane, bank_of(columns), bank_of(rows), bias, top};
    if (!job.columns || !job.rows || !fits(*job.columns, job.src.width, job.dst.width, "columns") ||
        !fits(*job.rows, job.src.height, job.dst.height, "rows"))
        return nullptr;
    return run_resize(job, active.load()->resize, threads);
}

PyObject* resize_integer(PyObject*, PyObject* args) {
    PyObject *source, *target, *columns, *rows;
    int threads;
    if (!PyArg_ParseTuple(args, "OOOOi", &source, &target, &columns, &rows, &threads)) return nullptr;
    HeldPlane src, dst;
    if (!src.take(source, false) || !dst.take(target, true)) return nullptr;
    const IntegerResizeJob job{src.plane, dst.plane, pair_bank_of(columns), short_bank_of(rows)};
    if (!job.columns || !job.rows || !fits(*job.columns, job.src.width, job.dst.width, "columns") ||
        !fits(*job.rows, job.src.height, job.dst.height, "rows"))
        return nullptr;
    if (job.src.bytes != 1 || job.dst.bytes != 1) {
        PyErr_SetString(PyExc_TypeError, "a resize in integers is from and to planes of uint8");
        return nullptr;
    }
    return run_resize(job, active.load()->resize_integer, threads);
}

PyObject* convert(PyObject*, PyObject* args) {
    PyObject *inputs, *outputs, *factors;
    float top;
    int threads;
    if (!PyArg_ParseTuple(args, "OOOfi", &inputs, &outputs, &factors, &top, &threads)) return nullptr;
    HeldPlanes held;
    ConvertJob job{};
    if (!held.take(inputs, outputs, top, job.planes) || !floats_of(factors, 12, job.matrix[0])) return nullptr;
    const Kernels& kernels = *active.load();
    return released([&] {
        in_bands(job.planes.height, held.step, threads, convert_scratch(job),
                 [&](int first, int last, float* scratch) { kernels.convert(job, first, last, scratch); });
    });
}

PyObject* anime4k(PyObject*, PyObject* args) {
    PyObject *inputs, *outputs, *factors;
    float top;
    int threads;
    if (!PyArg_ParseTuple(args, "OOOfi", &inputs, &outputs, &factors, &top, &threads)) return nullptr;
    HeldPlanes held;
    Anime4kJob job{};
    float values[8];
    if (!held.take(inputs, outputs, top, job.planes) || !floats_of(factors, 8, values)) return nullptr;
    std::copy(values, values + 4, job.luma);
    job.color_keep = values[4];
    job.color_take = values[5];
    job.gradient_keep = values[6];
    job.gradient_take = values[7];
    const Kernels& kernels = *active.load();
    return released([&] {
        in_bands(job.planes.height, held.step, threads, anime4k_scratch(job),
                 [&](int first, int last, float* scratch) { kernels.anime4k(job, first, last, scratch); });
    });
}

// The kernels for networks of the instruction set in use.
const NetKernels& net_kernels() {
#ifdef VSR_X86
    if (active.load() == &kernels_avx512) {
        if (!__builtin_cpu_supports("avx512vnni")) return net_avx512;
        return __builtin_cpu_supports("avx512bf16") ? net_avx512_bf16 : net_avx512_vnni;
    }
    if (active.load() == &kernels_avx2) return net_avx2;
#endif
    return net_plain;
}

PyObject* net_formats(PyObject*, PyObject*) {
    const NetKernels& kernels = net_kernels();
    return Py_BuildValue("(NN)", PyBool_FromLong(kernels.halves), PyBool_FromLong(kernels.bytes));
}

PyObject* exert(PyObject*, PyObject* args) {
    int format, rounds;
    if (!PyArg_ParseTuple(args, "ii", &format, &rounds)) return nullptr;
    if (format < kFloat32 || format > kBytes) return PyErr_Format(PyExc_ValueError, "there are formats 0, 1 and 2");
    double operations = 0;
    PyThreadState* state = PyEval_SaveThread();
    operations = net_kernels().exert(NetFormat(format), rounds);
    PyEval_RestoreThread(state);
    return PyFloat_FromDouble(operations);
}

PyObject* run_net(PyObject*, PyObject* args) {
    PyObject *capsule, *inputs, *outputs;
    float top;
    int tile, threads;
    if (!PyArg_ParseTuple(args, "OOOfii", &capsule, &inputs, &outputs, &top, &tile, &threads)) return nullptr;
    OwnedNet* net = net_of(capsule);
    if (!net) return nullptr;
    const NetProgram& program = net->view;
    HeldPlanes held;
    NetJob job{&program, {}, tile};
    if (!held.take(inputs, outputs, top, job.planes, program.scale)) return nullptr;
    const NetKernels& kernels = net_kernels();
    bool fits = true;
    for (int b = 0; b < program.num_buffers; ++b) {
        const int format = program.buffers[b].format;
        fits = fits && (format == kFloat32 || (format == kBfloat16 ? kernels.halves : kernels.bytes));
    }
    if (tile < kNetTile || tile % kNetTile || program.buffers[0].planes != job.planes.inputs ||
        program.buffers[program.stages[program.num_stages - 1].out].planes != job.planes.outputs ||
        job.planes.width % program.multiple || job.planes.height % program.multiple || !fits)
        return PyErr_Format(PyExc_ValueError, "the planes, the tile or the processor do not suit the network");
    return released([&] {
        const std::size_t floats = net_scratch(job);
        const int rows = job.planes.height * program.scale;
        std::vector<std::unique_ptr<Floats>> scratch;
        for (int band = num_bands(rows, held.step, threads); band > 0; --band) scratch.push_back(net->borrow(floats));
        in_bands_with(scratch, rows, held.step,
                      [&](int first, int last, float* memory) { kernels.run(job, first, last, memory); });
        for (auto& piece : scratch) net->give_back(std::move(piece));
    });
}

PyObject* filter_points(PyObject*, PyObject* args) {
    const char* point;
    PyObject *inputs, *outputs, *factors;
    int threads;
    if (!PyArg_ParseTuple(args, "sOOOi", &point, &inputs, &outputs, &factors, &threads)) return nullptr;
    HeldFloats held;
    PointJob job{};
    if (!point_job(point, inputs, outputs, factors, held, job)) return nullptr;
    const Kernels& kernels = *active.load();
    return released([&] {
        in_bands(job.out[0].height, 1, threads, point_scratch(job),
                 [&](int first, int last, float* scratch) { kernels.filter_points(job, first, last, scratch); });
    });
}

PyObject* highlights(PyObject*, PyObject* args) {
    PyObject *red, *green, *blue, *out;
    int left, right, threads;
    if (!PyArg_ParseTuple(args, "OOOOiii", &red, &green, &blue, &out, &left, &right, &threads)) return nullptr;
    HeldFloats held;
    const Plane planes[] = {held.take(red, false), held.take(green, false), held.take(blue, false),
                            held.take(out, true)};
    if (!same_size(planes, 4)) return nullptr;
    if (left < 0 || right < 0 || left + right >= kMaxWindow) {
        PyErr_Format(PyExc_ValueError, "a window has 1 to %d pixels", kMaxWindow);
        return nullptr;
    }
    const HighlightJob job{planes[0], planes[1], planes[2], planes[3], left, right};
    const Kernels& kernels = *active.load();
    return released([&] {
        in_bands(job.out.height, 1, threads, highlight_scratch(job),
                 [&](int first, int last, float* scratch) { kernels.highlights(job, first, last, scratch); });
    });
}

PyObject* warp(PyObject*, PyObject* args) {
    PyObject *steers, *inputs, *outputs;
    int threads;
    HeldFloats held;
    WarpJob job{};
    if (!PyArg_ParseTuple(args, "OOOfii", &steers, &inputs, &outputs, &job.strength, &job.iterations, &threads) ||
        !warp_job(steers, inputs, outputs, held, job))
        return nullptr;
    const Kernels& kernels = *active.load();
    return released([&] {
        in_bands(job.out[0].height, 1, threads, warp_scratch(job),
                 [&](int first, int last, float* scratch) { kernels.warp(job, first, last, scratch); });
    });
}

PyObject* bilateral(PyObject*, PyObject* args) {
    const char* kind;
    PyObject *inputs, *outputs, *spatial, *factors;
    int threads;
    HeldFloats held;
    BilateralJob job{};
    if (!PyArg_ParseTuple(args, "sOOiOOi", &kind, &inputs, &outputs, &job.radius, &spatial, &factors, &threads) ||
        !bilateral_job(kind, inputs, outputs, spatial, factors, held, job))
        return nullptr;
    const Kernels& kernels = *active.load();
    return released([&] {
        in_bands(job.out[0].height, 1, threads, bilateral_scratch(job),
                 [&](int first, int last, float* scratch) { kernels.bilateral(job, first, last, scratch); });
    });
}

PyMethodDef methods[] = {
    {"isas", isas, METH_NOARGS, nullptr},
    {"isa", isa, METH_NOARGS, nullptr},
    {"use_isa", use_isa, METH_VARARGS, nullptr},
    {"bank", new_bank, METH_VARARGS, nullptr},
    {"pair_bank", new_pair_bank, METH_VARARGS, nullptr},
    {"short_bank", new_short_bank, METH_VARARGS, nullptr},
    {"resize", resize, METH_VARARGS, nullptr},
    {"resize_integer", resize_integer, METH_VARARGS, nullptr},
    {"convert", convert, METH_VARARGS, nullptr},
    {"anime4k", anime4k, METH_VARARGS, nullptr},
    {"net_formats", net_formats, METH_NOARGS, nullptr},
    {"exert", exert, METH_VARARGS, nullptr},
    {"net", new_net, METH_VARARGS, nullptr},
    {"run_net", run_net, METH_VARARGS, nullptr},
    {"filter_points", filter_points, METH_VARARGS, nullptr},
    {"highlights", highlights, METH_VARARGS, nullptr},
    {"warp", warp, METH_VARARGS, nullptr},
    {"bilateral", bilateral, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};
PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_cpu", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr};

}  // namespace
}  // namespace vsr

PyMODINIT_FUNC PyInit__cpu() { return PyModule_Create(&vsr::definition); }
