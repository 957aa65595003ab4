import TrainerTensor

/// A list of plain values that keeps its memory and its address while it is refilled.
///
/// Of a list for a device with memory of its own there are two copies: the host fills `base`, operations read
/// `onDevice`, and `upload` and `download` bring one to the other. Elsewhere they are one.
final class PackedList<Element: BitwiseCopyable> {
  private(set) var base: UnsafeMutablePointer<Element>
  private(set) var count = 0
  private var capacity: Int
  private let device: Device?
  private var remote: DeviceBuffer?

  /// Makes an empty list; without a device it is for the host alone.
  init(capacity: Int, on device: Device? = nil) {
    self.capacity = max(capacity, 1)
    self.device = device.flatMap { $0.usesHostMemory ? nil : $0 }
    base = .allocate(capacity: self.capacity)
    takeRemote()
  }

  deinit { base.deallocate() }

  subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count, "element \(index) of \(count)")
      return base[index]
    }
    set {
      precondition(index >= 0 && index < count, "element \(index) of \(count)")
      base[index] = newValue
    }
  }

  /// What operations read; void when the list grows.
  var onDevice: UnsafeMutablePointer<Element> {
    remote?.start.assumingMemoryBound(to: Element.self) ?? base
  }

  /// Brings the elements to the device.
  func upload() {
    if let device, remote != nil { device.upload(base, to: onDevice, count: count) }
  }

  /// Brings the first elements from the device, of which there are as many as were set by `resize`.
  func download() {
    if let device, remote != nil { device.download(onDevice, to: base, count: count) }
  }

  func removeAll() { count = 0 }

  func append(_ element: Element) {
    if count == capacity { reserve(2 * capacity) }
    base[count] = element
    count += 1
  }

  func removeLast(_ number: Int) {
    precondition(number <= count, "\(number) elements removed of \(count)")
    count -= number
  }

  /// Sets the number of elements; new ones have no value until they are written.
  func resize(_ number: Int) {
    reserve(number)
    count = number
  }

  /// Makes room for so many elements; pointers taken before are void if it grows.
  func reserve(_ wanted: Int) {
    guard wanted > capacity else { return }
    let larger = UnsafeMutablePointer<Element>.allocate(capacity: wanted)
    larger.update(from: base, count: count)
    base.deallocate()
    base = larger
    capacity = wanted
    takeRemote()
  }

  private func takeRemote() {
    guard let device else { return }
    remote = .required(bytes: capacity * MemoryLayout<Element>.stride, on: device)
  }
}
