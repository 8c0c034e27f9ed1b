package metadata

import "fmt"

// extrinsic reads how transactions look: three layouts, one for each version.
func (p *parser) extrinsic(m *Metadata) {
	switch p.version {
	case 14:
		p.extrinsic14(m)
	case 15:
		m.ExtrinsicVersions = []uint8{p.d.U8()}
		m.AddressType, m.CallType, m.SignatureType = p.typeID(), p.typeID(), p.typeID()
		p.typeID() // of all extensions together
		m.extensions = list(p, 3, p.extension)
	case 16:
		p.extrinsic16(m)
	}
}

// extrinsic14 finds the types of address, call and signature among the parameters of
// the extrinsic's own type, where metadata 14 has them.
func (p *parser) extrinsic14(m *Metadata) {
	id := p.typeID()
	m.ExtrinsicVersions = []uint8{p.d.U8()}
	m.extensions = list(p, 3, p.extension)
	t, err := m.Type(id)
	if err != nil {
		p.d.Fail(err)
		return
	}
	for _, param := range t.Params {
		if param.Type == nil {
			continue
		}
		switch param.Name {
		case "Address":
			m.AddressType = *param.Type
		case "Call":
			m.CallType = *param.Type
		case "Signature":
			m.SignatureType = *param.Type
		}
	}
}

// extrinsic16 reads the versions of the format and, of the lists of extensions by
// version, that of version 0, the one which extrinsics of version 4 use.
func (p *parser) extrinsic16(m *Metadata) {
	m.ExtrinsicVersions = list(p, 1, p.d.U8)
	m.AddressType, m.CallType, m.SignatureType = p.typeID(), p.typeID(), p.typeID()
	lists := map[uint8][]uint32{}
	p.skipList(2, func() { lists[p.d.U8()] = list(p, 1, p.typeID) })
	all := list(p, 3, p.extension)
	for _, i := range lists[0] {
		if int64(i) >= int64(len(all)) {
			p.d.Fail(fmt.Errorf("%w: transaction extension %d of %d", ErrFormat, i, len(all)))
			return
		}
		m.extensions = append(m.extensions, all[i])
	}
}

func (p *parser) extension() Extension {
	return Extension{Name: p.d.Str(), Extra: p.typeID(), Implicit: p.typeID()}
}
