//! Rules of the Avi objects: defaults, references, validation, patches, filters, back-references
