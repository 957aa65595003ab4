internal import ExpCore

/// Files that are taken for CSV and are not, known by their first bytes.
enum CSVFormat {
  private static let known: [(start: [UInt8], name: String, help: String)] = [
    ([0x1f, 0x8b], "compressed with gzip", unpack("gunzip -c")),
    ([0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd", unpack("zstd -dc")),
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "compressed with xz", unpack("xz -dc")),
    (Array("BZh".utf8), "compressed with bzip2", unpack("bzip2 -dc")),
    ([0x50, 0x4b, 0x03, 0x04], "a zip archive, as .xlsx and .npz files are", export),
    ([0xd0, 0xcf, 0x11, 0xe0], "an old Office document, as .xls files are", export),
    (Array("PAR1".utf8), "Parquet", export),
    (Array("ARROW1".utf8), "Arrow", export),
    (Array("SQLite format 3".utf8), "an SQLite database", export),
    ([0x89, 0x48, 0x44, 0x46], "HDF5", export),
    ([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59], "a NumPy array", export),
    (Array("%PDF".utf8), "a PDF", export),
    (Array("{".utf8), "JSON", export),
    (Array("[".utf8), "JSON", export),
    (Array("<".utf8), "HTML or XML", export),
  ]

  private static let export = "export the table as CSV in UTF-8"

  private static func unpack(_ command: String) -> String {
    "unpack it: \(command) FILE | exp fit --csv -"
  }

  /// What the bytes are and how to mend it; nil where they may be CSV.
  static func foreign(_ bytes: [UInt8], from start: Int) -> (name: String, help: String)? {
    let rest = bytes[min(start, bytes.count)...]
    return known.first { rest.starts(with: $0.start) }.map { ($0.name, $0.help) }
  }
}
