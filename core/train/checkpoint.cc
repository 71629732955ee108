#include "core/train/checkpoint.h"

#include <chrono>
#include <cstring>

#include "core/base/error.h"

namespace heddle {
namespace {

constexpr const char* kStateKey = "heddle.state";

nlohmann::json parse_state(const SafeTensors& file) {
  const auto found = file.metadata().find(kStateKey);
  if (found == file.metadata().end())
    fail(HEDDLE_DATA_LOSS, "{}: not a checkpoint (no '{}' in its metadata)", file.name(), kStateKey);
  nlohmann::json state = nlohmann::json::parse(found->second, nullptr, false);
  if (!state.is_object()) fail(HEDDLE_DATA_LOSS, "{}: the state of this checkpoint is not JSON", file.name());
  return state;
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

void CheckpointWriter::add(const std::string& prefix, const std::vector<ParameterInfo>& infos,
                           const TensorList& tensors) {
  for (size_t i = 0; i < infos.size(); ++i) {
    if (!tensors.has(i)) continue;
    Entry entry{prefix + infos[i].name, stored::f32, infos[i].shape, std::vector<char>(tensors[i].bytes())};
    tensors[i].to_host(entry.bytes.data());
    entries_.push_back(std::move(entry));
  }
}

void CheckpointWriter::add(const std::string& name, const std::vector<int64_t>& values) {
  Entry entry{
      name, stored::i64, {static_cast<int64_t>(values.size())}, std::vector<char>(values.size() * sizeof(int64_t))};
  if (!values.empty()) std::memcpy(entry.bytes.data(), values.data(), entry.bytes.size());
  entries_.push_back(std::move(entry));
}

void CheckpointWriter::write(const std::filesystem::path& path, const nlohmann::json& state) const {
  SafeTensorsWriter writer;
  for (const Entry& entry : entries_) writer.add(entry.name, entry.type, entry.shape, entry.bytes.data());
  writer.metadata(kStateKey, state.dump());
  writer.write(path);
}

CheckpointReader::CheckpointReader(const std::filesystem::path& path) : file_(path), state_(parse_state(file_)) {}

void CheckpointReader::read(const std::string& prefix, const std::vector<ParameterInfo>& infos,
                            TensorList& tensors) const {
  std::vector<float> host;
  for (size_t i = 0; i < infos.size(); ++i) {
    if (!tensors.has(i)) continue;
    host.resize(static_cast<size_t>(infos[i].size()));
    file_.read(prefix + infos[i].name, stored::f32, infos[i].shape, host.data());
    tensors[i].from_host(host.data());
  }
}

std::vector<int64_t> CheckpointReader::integers(const std::string& name) const {
  const StoredTensor& stored_tensor = file_.find(name);
  std::vector<int64_t> out(static_cast<size_t>(stored_tensor.elements()));
  file_.read(name, stored::i64, stored_tensor.shape, out.data());
  return out;
}

void check_identity(const CheckpointReader& checkpoint, const nlohmann::json& identity,
                    const std::filesystem::path& path) {
  const nlohmann::json found = checkpoint.state().value("identity", nlohmann::json());
  if (found == identity) return;
  std::string difference;
  for (const auto& [key, value] : identity.items()) {
    const nlohmann::json there = found.is_object() && found.contains(key) ? found[key] : nlohmann::json();
    if (there != value) {
      difference = fmt::format(": '{}' is {} there, {} here", key, there.dump(), value.dump());
      break;
    }
  }
  fail(HEDDLE_FAILED_PRECONDITION, "{} belongs to another run{}; remove it to start afresh", path.string(), difference);
}

void save_parameters(const ParameterSet& parameters, const nlohmann::json& metadata,
                     const std::filesystem::path& path) {
  SafeTensorsWriter writer;
  std::vector<std::vector<float>> hosts;
  hosts.reserve(parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const ParameterInfo& info = parameters.info(i);
    hosts.emplace_back(static_cast<size_t>(info.size()));
    parameters.tensor(i).to_host(hosts.back().data());
    writer.add(info.name, stored::f32, info.shape, hosts.back().data());
  }
  for (const auto& [key, value] : metadata.items())
    writer.metadata(key, value.is_string() ? value.get<std::string>() : value.dump());
  writer.write(path);
}

nlohmann::json load_parameters(ParameterSet& parameters, const std::filesystem::path& path, const std::string& who) {
  const SafeTensors file(path);
  for (const StoredTensor& there : file.tensors()) {
    bool known = false;
    for (const ParameterInfo& info : parameters.infos()) known = known || info.name == there.name;
    if (!known) fail(HEDDLE_INVALID_ARGUMENT, "{}: tensor '{}' is no parameter of {}", path.string(), there.name, who);
  }
  std::vector<std::vector<float>> hosts;  // everything is read before anything is changed
  for (const ParameterInfo& info : parameters.infos()) {
    if (!file.contains(info.name)) {
      fail(HEDDLE_INVALID_ARGUMENT, "{}: parameter '{}' {} of {} is missing", path.string(), info.name,
           shape_text(info.shape), who);
    }
    hosts.emplace_back(static_cast<size_t>(info.size()));
    file.read(info.name, stored::f32, info.shape, hosts.back().data());
  }
  for (size_t i = 0; i < parameters.size(); ++i) parameters.tensor(i).from_host(hosts[i].data());
  nlohmann::json metadata = nlohmann::json::object();
  for (const auto& [key, value] : file.metadata()) {
    nlohmann::json parsed = nlohmann::json::parse(value, nullptr, false);
    metadata[key] = parsed.is_discarded() ? nlohmann::json(value) : std::move(parsed);
  }
  return metadata;
}

CheckpointClock::CheckpointClock(double seconds) : seconds_(seconds), last_(now()) {}
bool CheckpointClock::due() const { return now() - last_ >= seconds_; }
void CheckpointClock::written() { last_ = now(); }

}  // namespace heddle
